//! Inbound webhooks: signed ones, stored and published, and forged ones, refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    Outcome,
    accept::CONNECTIONS,
    carrier::{ACCOUNT, TOKEN},
    http::{self, Client, Post},
    limits,
    report::{Goal, Report},
    signature::{self, Signed},
    stopwatch::{Load, Rate, closed_loop},
    world::{self, NUMBER, Store, When, World},
};

/// How long each load lasts.
const LASTING: Duration = Duration::from_secs(8);
/// The system config's route.
const PATH: &str = "/api/webhooks/sms/incoming";
/// Phones that every organisation has written to before they answer.
const PHONES: usize = 1_000;

/// Measures both.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let goal = match world::postgres() {
        Some(_) => Goal::AtLeast(0.4 * limits::commits(&Store::new().await?).await?),
        None => Goal::None,
    };
    let world = Arc::new(World::start(100).await?);
    write_first(&world).await?;
    let mut signed = load(&world, TOKEN, 200).await?;
    report.add("signed inbound webhook, stored and published", signed.per_second(), "/s", goal);
    report.add("— the server's processor time for each", signed.cpu_ms, "ms", Goal::None);
    report.add("— answered within, p99", signed.times.quantile_ms(0.99), "ms", Goal::AtMost(1_000.0));
    let forged = load(&world, "another secret", 403).await?;
    report.add("forged webhooks refused", forged.per_second(), "/s", Goal::AtLeast(20_000.0));
    report.add("— the server's processor time for each", forged.cpu_ms, "ms", Goal::None);
    Ok(())
}

/// An organisation gets the answers of those to whom it wrote last, so each one writes to its own phones.
async fn write_first(world: &World) -> Outcome<()> {
    let mut client = Client::connect(world.server.address).await?;
    for _ in 0..PHONES {
        let (key, number) = world.turn();
        world::accepted(&client.graphql(key, &world::send(number, When::In(3600))).await?)?;
    }
    Ok(())
}

async fn load(world: &Arc<World>, secret: &'static str, expected: u16) -> Outcome<Rate> {
    let clients = http::connect_many(world.server.address, CONNECTIONS).await?;
    let url = format!("http://{}{PATH}", world.server.address);
    let next = Arc::new(AtomicUsize::new(0));
    closed_loop(Load { server: &world.server, clients, lasting: LASTING }, move |mut client| {
        let signed = inbound(&url, secret, next.fetch_add(1, Ordering::Relaxed));
        async move {
            let post = Post {
                path: PATH,
                content_type: "application/x-www-form-urlencoded",
                header: &signed.header,
                body: &signed.body,
            };
            match client.post(&post).await? {
                (status, _) if status == expected => Ok(client),
                (status, body) => Err(format!("{status}: {body}").into()),
            }
        }
    })
    .await
}

fn inbound(url: &str, secret: &str, number: usize) -> Signed {
    let (sid, body, from) = (format!("SM{number:032x}"), format!("n{number}"), world::phone(number % PHONES));
    let fields = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("Body", &body),
        ("From", &from),
        ("MessageSid", &sid),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
        ("To", NUMBER),
    ];
    signature::sign(url, secret, &fields)
}
