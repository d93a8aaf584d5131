//! Reads the `TwiML` that a client answers an inbound message with. Reading only; the messages it asks for are
//! made in `inbound`.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

/// Not well-formed.
pub(super) const MALFORMED: u32 = 12100;
/// Well-formed, but no `<Response>` of messaging verbs.
pub(super) const SCHEMA: u32 = 12200;

/// One `<Message>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) body: String,
    pub(super) media: Vec<String>,
    pub(super) to: Option<String>,
    pub(super) from: Option<String>,
    pub(super) status_callback: Option<String>,
}

/// The replies in a `TwiML` document, or Twilio's error code for it.
pub(super) fn parse(document: &str) -> Result<Vec<Reply>, u32> {
    let mut reader = Reader::from_str(document);
    let mut parser = Parser::default();
    loop {
        match reader.read_event().map_err(|_| MALFORMED)? {
            Event::Start(element) => parser.open(&element)?,
            Event::Empty(element) => {
                parser.open(&element)?;
                parser.close();
            }
            Event::End(_) => parser.close(),
            Event::Text(text) => parser.text(&text.decode().map_err(|_| MALFORMED)?),
            Event::CData(text) => parser.text(&text.decode().map_err(|_| MALFORMED)?),
            Event::GeneralRef(entity) => parser.text(&resolve(&entity)?),
            Event::Eof => return parser.finish(),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn resolve(entity: &BytesRef<'_>) -> Result<String, u32> {
    if let Some(character) = entity.resolve_char_ref().map_err(|_| MALFORMED)? {
        return Ok(character.to_string());
    }
    let name = entity.decode().map_err(|_| MALFORMED)?;
    resolve_predefined_entity(&name).map(str::to_owned).ok_or(MALFORMED)
}

#[derive(Default)]
struct Parser {
    path: Vec<String>,
    /// A root was read to its end.
    complete: bool,
    text: String,
    replies: Vec<Reply>,
}

impl Parser {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), u32> {
        let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
        let known = match self.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => name == "Response" && !self.complete,
            ["Response"] => name == "Message",
            ["Response", "Message"] => name == "Body" || name == "Media",
            _ => false,
        };
        if !known {
            return Err(SCHEMA);
        }
        if name == "Message" {
            self.replies.push(reply(element)?);
        }
        if name == "Body" || name == "Media" {
            self.keep_text();
        }
        self.path.push(name);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Text directly in `<Message>` is its body.
    fn keep_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        let inside = self.path.last().map(String::as_str);
        let Some(reply) = self.replies.last_mut() else { return };
        match inside {
            Some("Message" | "Body") => reply.body.push_str(text.trim()),
            Some("Media") => reply.media.push(text.trim().to_owned()),
            _ => {}
        }
    }

    fn close(&mut self) {
        self.keep_text();
        self.path.pop();
        self.complete |= self.path.is_empty();
    }

    fn finish(self) -> Result<Vec<Reply>, u32> {
        if self.complete && self.path.is_empty() { Ok(self.replies) } else { Err(MALFORMED) }
    }
}

fn reply(element: &BytesStart<'_>) -> Result<Reply, u32> {
    let mut reply = Reply::default();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| MALFORMED)?;
        let value = Some(attribute.unescape_value().map_err(|_| MALFORMED)?.into_owned());
        match attribute.key.as_ref() {
            b"to" => reply.to = value,
            b"from" => reply.from = value,
            b"statusCallback" => reply.status_callback = value,
            b"action" | b"method" => {}
            _ => return Err(SCHEMA),
        }
    }
    Ok(reply)
}
