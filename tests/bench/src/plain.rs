//! What is compared with: an accept loop on plain tokio, a task a connection, that knows nothing else.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How a plain server ends a connection.
#[derive(Clone, Copy)]
pub enum Ending {
    /// As ours: shut down for writing, read what the client still sends for at most 2 s, close.
    Well,
    /// Closed right after the last byte: a client that has sent anything loses the tail of its poem to a reset.
    AtOnce,
}

/// Serves `poem` for ever, on a free port that it prints.
pub fn serve(poem: Arc<[u8]>, ending: Ending) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let served = runtime.block_on(async {
        // Polled as a task: the body of `block_on` costs more.
        tokio::spawn(accept(listen()?, poem, ending)).await.expect("it does not panic")
    });
    panic!("the plain server ended: {served:?}");
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(4096)?;
    println!("Serving on {}.", listener.local_addr()?);
    Ok(listener)
}

async fn accept(listener: TcpListener, poem: Arc<[u8]>, ending: Ending) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(send(stream, Arc::clone(&poem), ending));
    }
}

async fn send(mut stream: TcpStream, poem: Arc<[u8]>, ending: Ending) -> io::Result<()> {
    stream.write_all(&poem).await?;
    if matches!(ending, Ending::Well) {
        stream.shutdown().await?;
        let drained = async {
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), drained).await;
    }
    Ok(())
}
