//! Rates and quantiles.

use std::time::{Duration, Instant};

use crate::server::Server;

/// How long things took.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<u32>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes over those of another.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds under which this share of them stayed; 0 without any.
    pub fn quantile_ms(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let rank = (float(self.0.len()) * share).ceil().max(1.0);
        let at = self.0.iter().enumerate().find(|(index, _)| float(index + 1) >= rank);
        at.map_or(0.0, |(_, micros)| f64::from(*micros) / 1000.0)
    }
}

/// Things done over a time.
#[derive(Clone, Debug)]
pub struct Rate {
    /// How long each took.
    pub times: Times,
    /// From the first to the last.
    pub elapsed: Duration,
    /// Processor time of the server for each, in milliseconds; what it does beside and behind is in it.
    pub cpu_ms: f64,
}

impl Rate {
    /// How many a second.
    pub fn per_second(&self) -> f64 {
        float(self.times.len()) / self.elapsed.as_secs_f64()
    }
}

/// What is put on a server.
pub struct Load<'a, C> {
    /// Whose processor time is counted.
    pub server: &'a Server,
    /// The connections.
    pub clients: Vec<C>,
    /// How long.
    pub lasting: Duration,
}

/// The same over and over on some connections at once, each waiting for its answer before the next, until `until`.
pub async fn closed_loop<C, F, S>(load: Load<'_, C>, step: S) -> crate::Outcome<Rate>
where
    C: Send + 'static,
    S: Fn(C) -> F + Clone + Send + 'static,
    F: Future<Output = crate::Outcome<C>> + Send,
{
    let (begun, cpu) = (Instant::now(), load.server.cpu_ms()?);
    let until = begun + load.lasting;
    let runs: Vec<_> = load
        .clients
        .into_iter()
        .map(|mut client| {
            let step = step.clone();
            tokio::spawn(async move {
                let mut times = Times::default();
                while Instant::now() < until {
                    let asked = Instant::now();
                    client = step(client).await?;
                    times.add(asked.elapsed());
                }
                crate::Outcome::Ok(times)
            })
        })
        .collect();
    let mut times = Times::default();
    for run in runs {
        times.merge(run.await??);
    }
    let cpu_ms = (load.server.cpu_ms()? - cpu) / float(times.len().max(1));
    Ok(Rate { times, elapsed: begun.elapsed(), cpu_ms })
}

/// Counts as numbers to divide; exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2⁵³")]
pub const fn float(count: usize) -> f64 {
    count as f64
}
