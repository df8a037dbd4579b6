//! Asks one server one question: over UDP, twice, and over TCP when the answer does not fit.

use std::net::SocketAddr;
use std::str::FromStr as _;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::facts::{Answer, Record};

/// How long one try waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a question is sent over UDP.
const TRIES: u32 = 2;
/// Most records of one answer that are kept.
const MAX_RECORDS: usize = 100;
/// Longest value that is kept.
const MAX_VALUE: usize = 2048;

/// The question as bytes, and its number.
fn question(name: &str, kind: RecordType) -> Result<(u16, Vec<u8>), String> {
    let mut name = Name::from_str(name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, kind));
    let bytes = message.to_vec().map_err(|error| error.to_string())?;
    Ok((message.metadata.id, bytes))
}

/// The answer to a question, if these bytes are one.
fn parse(bytes: &[u8], id: u16) -> Option<Message> {
    Message::from_vec(bytes)
        .ok()
        .filter(|message| message.metadata.id == id)
}

/// Over UDP; an answer to another question is passed over.
async fn over_udp(server: SocketAddr, id: u16, question: &[u8]) -> std::io::Result<Message> {
    let own: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(message) = buffer.get(..length).and_then(|bytes| parse(bytes, id)) {
            return Ok(message);
        }
    }
}

/// Over TCP.
async fn over_tcp(server: SocketAddr, id: u16, question: &[u8]) -> std::io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(question).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await?;
    parse(&buffer, id).ok_or_else(|| std::io::Error::other("this is no answer to the question"))
}

/// The whole exchange.
async fn exchange(server: SocketAddr, id: u16, question: &[u8]) -> Result<Message, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match tokio::time::timeout(PATIENCE, over_udp(server, id, question)).await {
            Ok(Ok(message)) if message.metadata.truncation => {
                return match tokio::time::timeout(PATIENCE, over_tcp(server, id, question)).await {
                    Ok(Ok(message)) => Ok(message),
                    Ok(Err(error)) => Err(format!("cut off over UDP, and over TCP: {error}")),
                    Err(_) => Err("cut off over UDP, and no answer over TCP".to_owned()),
                };
            }
            Ok(Ok(message)) => return Ok(message),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("no answer within {} s", PATIENCE.as_secs()),
        }
    }
    Err(last)
}

/// A name without its last dot, in lower case.
fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(name) => name.to_owned(),
    }
}

/// A record's value as people write it.
fn value(data: &RData) -> String {
    let text = match data {
        RData::CNAME(name) => plain(name),
        RData::NS(name) => plain(name),
        RData::PTR(name) => plain(name),
        RData::MX(mx) => format!("{} {}", mx.preference, plain(&mx.exchange)),
        RData::TXT(txt) => txt
            .txt_data
            .iter()
            .map(|part| String::from_utf8_lossy(part))
            .collect(),
        RData::CAA(caa) => format!(
            "{} {} {}",
            u8::from(caa.issuer_critical) << 7,
            caa.tag,
            String::from_utf8_lossy(&caa.value)
        ),
        other => other.to_string(),
    };
    crate::exchange::cut(&text, MAX_VALUE).to_owned()
}

/// The name of an answer's code in the words of the field.
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => other.to_string(),
    }
}

/// Asks one server.
pub(super) async fn ask(server: SocketAddr, name: &str, kind: RecordType) -> Answer {
    let mut answer = Answer {
        server: server.to_string(),
        name: name.to_owned(),
        ..Answer::default()
    };
    let message = match question(name, kind) {
        Ok((id, bytes)) => exchange(server, id, &bytes).await,
        Err(why) => Err(why),
    };
    match message {
        Err(why) => answer.failure = Some(why),
        Ok(message) => {
            answer.code = Some(code(message.metadata.response_code));
            answer.authoritative = message.metadata.authoritative;
            for record in message.answers.iter().take(MAX_RECORDS) {
                if record.record_type() == kind {
                    answer.records.push(Record {
                        value: value(&record.data),
                        ttl: record.ttl,
                    });
                } else if let RData::CNAME(target) = &record.data {
                    answer.aliases.push(plain(target));
                }
            }
            answer.records.sort_by(|a, b| a.value.cmp(&b.value));
        }
    }
    answer
}
