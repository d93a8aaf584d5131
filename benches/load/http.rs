//! HTTP/1.1 over one kept-alive connection, as little of it as loading a server takes: the client shares the machine.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Outcome;

/// One connection.
pub struct Client {
    server: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request's parts that differ.
pub struct Post<'a> {
    /// From the root.
    pub path: &'a str,
    /// Such as `application/json`.
    pub content_type: &'a str,
    /// One header beside, as `name: value`.
    pub header: &'a str,
    /// What is posted.
    pub body: &'a str,
}

impl Client {
    /// Connects.
    pub async fn connect(server: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { server, stream, buffer: Vec::with_capacity(4096) })
    }

    /// Posts GraphQL as the holder of a key.
    pub async fn graphql(&mut self, key: &str, body: &str) -> Outcome<String> {
        let header = format!("authorization: Bearer {key}");
        let post = Post { path: "/graphql", content_type: "application/json", header: &header, body };
        match self.post(&post).await? {
            (200, answer) => Ok(answer),
            (status, answer) => Err(format!("{status}: {answer}").into()),
        }
    }

    /// Posts, and gives status and body.
    pub async fn post(&mut self, post: &Post<'_>) -> Outcome<(u16, String)> {
        let Post { path, content_type, header, body } = post;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {content_type}\r\n{header}\r\ncontent-length: {}\r\n\r\n{body}",
            self.server,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Outcome<(u16, String)> {
        self.buffer.clear();
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        let status = text.get(9..12).ok_or("no status line")?.parse()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(Ok(0), |value| value.trim().parse())?;
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        Ok((status, std::str::from_utf8(&self.buffer[head..head + length])?.to_owned()))
    }

    async fn more(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server hung up".into()),
            _ => Ok(()),
        }
    }
}

/// As many connections as that.
pub async fn connect_many(server: SocketAddr, count: usize) -> Outcome<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(Client::connect(server).await?);
    }
    Ok(clients)
}
