//! Accepted connections: without Nagle's delay, and ended when nothing was written to them for a while. Sockets and event
//! streams are pinged far more often, so that ends those whose request never comes to its end, and those left open.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{self, IncomingStream},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep},
};

/// How long a connection may go without an answer.
pub const QUIET: Duration = Duration::from_secs(75);
/// Before the next try to accept when the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts [`Connection`]s.
#[derive(Debug)]
pub struct Connections {
    listener: TcpListener,
    quiet: Duration,
}

impl Connections {
    /// `quiet`: how long one may go without an answer; [`QUIET`] outside tests.
    pub const fn new(listener: TcpListener, quiet: Duration) -> Self {
        Self { listener, quiet }
    }
}

impl serve::Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // An event must not wait for the acknowledgement of the one before.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection stays with Nagle's algorithm");
                    }
                    return (Connection::new(stream, self.quiet), address);
                }
                // The kernel's queue holds until some are free again.
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The other end's address, as handlers see it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Peer {
    /// IPv4 as IPv4, also where the socket is an IPv6 one.
    pub fn ip(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A connection that a read ends once nothing was written for too long.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    quiet: Duration,
    written: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream, quiet: Duration) -> Self {
        Self { stream, quiet, written: Instant::now(), alarm: Box::pin(sleep(quiet)) }
    }

    /// Ready when nothing was written for too long. The alarm is set anew only when it rings, not with every write.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let end = self.written + self.quiet;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(end);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // First, so that a byte now and then keeps nothing open.
        if self.poll_quiet(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        self.written = Instant::now();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs));
        self.written = Instant::now();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
