//! A load over loopback: as many questions as a server can answer, and what that takes it.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// Questions on their way at once: enough for the server to always find some.
const WINDOW: usize = 64;

/// After so long without an answer, what was on its way is taken for lost.
const PATIENCE: Duration = Duration::from_millis(100);

/// Asks a server one question over and over.
#[derive(Debug)]
pub struct Load {
    socket: UdpSocket,
    question: Vec<u8>,
    buffer: Vec<u8>,
}

/// What a server did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Answers that came back.
    pub answers: u64,
    /// Time of its processor that this took.
    pub cpu: Duration,
}

impl Rate {
    /// Answers for each second of a processor.
    #[must_use]
    pub fn per_cpu_second(&self) -> f64 {
        self.answers as f64 / self.cpu.as_secs_f64()
    }
}

impl Load {
    /// A load on the server at that address.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn new(server: SocketAddr, question: &[u8]) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            question: question.to_vec(),
            buffer: vec![0; 2048],
        })
    }

    /// Asks once, and waits for the answer.
    ///
    /// # Errors
    /// When none comes within a second.
    pub fn ask(&mut self) -> io::Result<Vec<u8>> {
        let begun = Instant::now();
        self.socket.send(&self.question)?;
        while begun.elapsed() < PATIENCE * 10 {
            if let Some(len) = self.receive() {
                return Ok(self.buffer.get(..len).unwrap_or_default().to_vec());
            }
            thread::yield_now();
        }
        Err(ErrorKind::TimedOut.into())
    }

    /// Asks for that long, and reads the clock of the server's processor before and after.
    ///
    /// # Errors
    /// When the clock cannot be read.
    pub fn run(
        &mut self,
        span: Duration,
        mut cpu: impl FnMut() -> io::Result<Duration>,
    ) -> io::Result<Rate> {
        let before = cpu()?;
        let begun = Instant::now();
        let mut heard = begun;
        let mut on_the_way = 0;
        let mut answers = 0;
        loop {
            let now = Instant::now();
            if now >= begun + span {
                break;
            }
            if now >= heard + PATIENCE {
                on_the_way = 0;
                heard = now;
            }
            while on_the_way < WINDOW && self.socket.send(&self.question).is_ok() {
                on_the_way += 1;
            }
            let mut burst = 0;
            while self.receive().is_some() {
                burst += 1;
            }
            if burst > 0 {
                heard = now;
                answers += burst;
                on_the_way = on_the_way.saturating_sub(usize::try_from(burst).unwrap_or(WINDOW));
            } else {
                thread::yield_now();
            }
        }
        // What is still on its way is answered before the clock is read, and counts.
        thread::sleep(PATIENCE);
        while self.receive().is_some() {
            answers += 1;
        }
        let cpu = cpu()?.saturating_sub(before);
        Ok(Rate { answers, cpu })
    }

    /// The length of an answer that has come; what else a server says is nothing to us.
    fn receive(&mut self) -> Option<usize> {
        while let Ok(len) = self.socket.recv(&mut self.buffer) {
            if self.buffer.get(..len)?.ends_with(b"1:y1:re") {
                return Some(len);
            }
        }
        None
    }
}

/// The middle one of some figures.
#[must_use]
pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
