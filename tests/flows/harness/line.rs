//! A line to the sandbox that is dead at first: connections are refused, so that no byte of a request is ever written.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};

/// An address of its own in front of the sandbox.
pub struct Line {
    address: SocketAddr,
    socket: Option<TcpSocket>,
    forwarding: Option<JoinHandle<()>>,
}

impl Line {
    /// A dead line: the port is taken, and nobody listens.
    pub fn dead() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { address, socket: Some(socket), forwarding: None }
    }

    /// A carrier config's base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connects it: from now on everything is passed on to the sandbox.
    pub fn mend(&mut self, target: SocketAddr) {
        let listener = self.socket.take().expect("mended once").listen(64).unwrap();
        self.forwarding = Some(tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        // Either side may end it at any time.
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        }));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.abort();
        }
    }
}
