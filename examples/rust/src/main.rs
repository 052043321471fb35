//! Sends messages to a room and reads the room, through restarts of the server.
//!
//!     curl -O http://127.0.0.1:8080/confab.proto
//!     cargo run -- 127.0.0.1:8080 lobby ada 10
//!
//! build.rs generates the client. The program prints `OFFSET USER: TEXT` for each message, and ends when it has read each
//! message that it sent.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use confab::chat_service_client::ChatServiceClient;
use confab::{AvailableRange, ChatMessage, GetHistoryRequest, Position, User};
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

mod confab {
    tonic::include_proto!("confab.v1");
}

type Client = ChatServiceClient<Channel>;

/// Of unary calls: how long the server may be away before the caller is told.
const DEADLINE: Duration = Duration::from_secs(60);

/// Whether the server is away, or was while it answered: the same call may succeed later.
fn is_lost(status: &Status) -> bool {
    // The server says UNAVAILABLE. tonic says UNKNOWN or CANCELLED for some connections that break, with an error as source.
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}

/// Waits, at random, so that all clients of a server that went away do not come back in the same moment.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(100..1000))).await;
}

/// Repeats a call while the server is away: tonic has no retry policies. After other codes the same call fails again, or has
/// to wait for longer (RESOURCE_EXHAUSTED).
async fn repeat<T, F>(call: impl Fn(Client) -> F, client: &Client) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let answered = async {
        loop {
            match call(client.clone()).await {
                Err(status) if is_lost(&status) => pause().await,
                answer => return answer.map(Response::into_inner),
            }
        }
    };
    tokio::time::timeout(DEADLINE, answered)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
}

async fn send(client: &Client, room: &str, user: &str, ids: &[String]) -> Result<(), Status> {
    for (index, id) in ids.iter().enumerate() {
        let text = format!("hello {}", index + 1);
        // A message with an id is stored once, however often the call is repeated.
        let message = ChatMessage {
            room: room.into(),
            user: user.into(),
            id: id.clone(),
            text,
            ..Default::default()
        };
        let call = |mut client: Client| {
            let message = message.clone();
            async move { client.send_message(message).await }
        };
        repeat(call, client).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Prints what follows a position, until all awaited ids have come or the stream ends.
async fn follow(
    client: &Client,
    reader: User,
    after: &mut Option<Position>,
    awaited: &mut HashSet<&str>,
) -> Result<(), Status> {
    // No deadline: the stream is open for as long as there is something to wait for.
    let mut messages = client.clone().stream_messages(reader).await?.into_inner();
    while !awaited.is_empty()
        && let Some(message) = messages.message().await?
    {
        *after = message.position;
        awaited.remove(message.id.as_str());
        println!(
            "{} {}: {}",
            message.position.unwrap_or_default().offset,
            message.user,
            message.text
        );
    }
    Ok(())
}

async fn read(
    client: &Client,
    room: &str,
    user: &str,
    mut after: Option<Position>,
    ids: &[String],
) -> Result<(), Status> {
    let mut awaited: HashSet<&str> = ids.iter().map(String::as_str).collect();
    while !awaited.is_empty() {
        let reader = User {
            room: room.into(),
            name: user.into(),
            after,
            ..Default::default()
        };
        match follow(client, reader, &mut after, &mut awaited).await {
            Err(status) if is_lost(&status) => pause().await,
            ended => ended?,
        }
    }
    Ok(())
}

async fn chat(client: &Client, room: &str, user: &str, count: usize) -> Result<(), Status> {
    let ids: Vec<String> = (0..count)
        .map(|_| uuid::Uuid::new_v4().to_string())
        .collect();
    // The position first, then the messages: so none of them is missed.
    let newest = GetHistoryRequest {
        room: room.into(),
        limit: 1,
        ..Default::default()
    };
    let call = |mut client: Client| {
        let newest = newest.clone();
        async move { client.get_history(newest).await }
    };
    let after = repeat(call, client).await?.newest;
    // When one of the two fails, the other one ends.
    tokio::try_join!(
        send(client, room, user, &ids),
        read(client, room, user, after, &ids)
    )?;
    Ok(())
}

/// What the log holds, from the details of OUT_OF_RANGE.
fn available_range(status: &Status) -> Option<AvailableRange> {
    let status = tonic_types::Status::decode(status.details()).ok()?;
    let detail = status
        .details
        .iter()
        .find(|detail| detail.type_url.ends_with("/confab.v1.AvailableRange"))?;
    AvailableRange::decode(detail.value.as_slice()).ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, room, user, count] = args.as_slice() else {
        return Err("usage: chat ADDRESS ROOM USER COUNT".into());
    };
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        // A peer that is gone without a word is noticed after half a minute. The server allows pings at any interval.
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .connect_lazy();
    if let Err(status) = chat(&Client::new(channel), room, user, count.parse()?).await {
        eprint!("{:?}: {}", status.code(), status.message());
        if let Some(AvailableRange {
            oldest: Some(oldest),
            newest: Some(newest),
            ..
        }) = available_range(&status)
        {
            eprint!("; the log holds {} to {}", oldest.offset, newest.offset);
        }
        eprintln!();
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
