//! The consumer: takes messages from a durable queue of our own, books them, and acknowledges each only after its rows are
//! durable. A message that can't be booked is moved to the queue `NAME.refused` with its reason.

use crate::events::{EventError, Names, Reading, read};
use crate::jws::{JwsError, PublicKey, verify};
use futures_lite::StreamExt as _;
use keepwhole_core::answer::Reply;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::reason::Reason;
use keepwhole_core::transfer::TransferBatch;
use keepwhole_edge::{Intake, NoReply};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Messages that wait for their acknowledgement at once.
const PREFETCH: u16 = 256;
/// Longest message, bytes; a larger one is refused.
const MESSAGE_MAX: usize = 256 * 1024;

/// Where the events come from and who must have signed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Our queue; durable, and bound to the exchanges below. What is refused goes to `NAME.refused`.
    pub queue: String,
    /// Exchange and routing keys, as Peatio names them.
    pub bindings: Vec<(String, String)>,
    /// Keys that may sign.
    pub keys: Vec<PublicKey>,
    /// How many distinct keys must have signed.
    pub signatures: usize,
    /// Names of the exchange and of the books.
    pub names: Names,
}

/// Why the consumer ended. It may be started again: what was not acknowledged comes again.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The broker.
    #[error("the message broker: {0}")]
    Broker(#[from] lapin::Error),
    /// The broker ended the consumer.
    #[error("the message broker ended the consumer of queue `{0}`")]
    Cancelled(String),
    /// The journal stopped.
    #[error("the journal stopped; the message goes back to the queue")]
    Stopped,
}

/// Why one message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("`{0}` bytes; a message has at most {MESSAGE_MAX}")]
    TooLarge(usize),
    #[error(transparent)]
    NotBelieved(#[from] JwsError),
    #[error(transparent)]
    NotBooked(#[from] EventError),
    #[error("refused by the books: {0}")]
    ByTheBooks(String),
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages booked.
    pub booked: u64,
    /// Messages that moved nothing.
    pub nothing: u64,
    /// Messages refused.
    pub refused: u64,
}

/// Connects and consumes until `stop` is ready; `told` hears the counts after each message.
///
/// # Errors
/// [`ConsumerError`].
pub async fn consume(
    uri: &str,
    source: &Source,
    intake: Arc<dyn Intake>,
    told: &(dyn Fn(Counts) + Send + Sync),
    stop: impl Future<Output = ()> + Send,
) -> Result<Counts, ConsumerError> {
    let connection = Connection::connect(uri, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let mut deliveries = declare(&channel, source).await?;
    let mut counts = Counts::default();
    tokio::pin!(stop);
    loop {
        let delivery = tokio::select! {
            () = &mut stop => break,
            delivery = deliveries.next() => delivery,
        };
        let Some(delivery) = delivery else {
            return Err(ConsumerError::Cancelled(source.queue.clone()));
        };
        take(&channel, source, &intake, delivery?, &mut counts).await?;
        told(counts);
    }
    // What is not acknowledged goes back to the queue by itself.
    connection.close(200, "stopped".into()).await?;
    Ok(counts)
}

async fn declare(channel: &Channel, source: &Source) -> Result<lapin::Consumer, ConsumerError> {
    channel
        .basic_qos(PREFETCH, BasicQosOptions::default())
        .await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    for name in [source.queue.clone(), refused(source)] {
        channel
            .queue_declare(name.into(), durable, FieldTable::default())
            .await?;
    }
    for (exchange, key) in &source.bindings {
        // Peatio declares its exchanges as direct and not durable; the same here is a no-op beside it.
        let options = ExchangeDeclareOptions::default();
        let table = FieldTable::default();
        channel
            .exchange_declare(
                exchange.as_str().into(),
                ExchangeKind::Direct,
                options,
                table,
            )
            .await?;
        channel
            .queue_bind(
                source.queue.as_str().into(),
                exchange.as_str().into(),
                key.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
    }
    let consumer = channel
        .basic_consume(
            source.queue.as_str().into(),
            "keepwhole".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    Ok(consumer)
}

fn refused(source: &Source) -> String {
    format!("{}.refused", source.queue)
}

/// Books one message and acknowledges it, or moves it away with its reason.
async fn take(
    channel: &Channel,
    source: &Source,
    intake: &Arc<dyn Intake>,
    delivery: Delivery,
    counts: &mut Counts,
) -> Result<(), ConsumerError> {
    match understand(source, intake.as_ref(), &delivery) {
        Ok(Reading::Nothing(_)) => counts.nothing += 1,
        Ok(Reading::Rows { id, batch }) => match book(intake, &id, batch).await {
            Ok(Ok(())) => counts.booked += 1,
            Ok(Err(refusal)) => move_away(channel, source, &delivery, &refusal, counts).await?,
            Err(stopped) => {
                let again = BasicNackOptions {
                    requeue: true,
                    ..BasicNackOptions::default()
                };
                delivery.nack(again).await?;
                return Err(stopped);
            }
        },
        Err(refusal) => move_away(channel, source, &delivery, &refusal, counts).await?,
    }
    delivery.ack(BasicAckOptions::default()).await?;
    Ok(())
}

fn understand(
    source: &Source,
    intake: &dyn Intake,
    delivery: &Delivery,
) -> Result<Reading, Refusal> {
    if delivery.data.len() > MESSAGE_MAX {
        return Err(Refusal::TooLarge(delivery.data.len()));
    }
    let payload = verify(&delivery.data, &source.keys, source.signatures)?;
    let arrived = *delivery.properties.timestamp();
    let decimals = |asset: &str| intake.decimals(asset);
    Ok(read(&payload, arrived, &source.names, &decimals)?)
}

/// Books the rows; owners that are seen for the first time are registered before. Waits while the sequencer is busy.
async fn book(
    intake: &Arc<dyn Intake>,
    id: &str,
    batch: TransferBatch,
) -> Result<Result<(), Refusal>, ConsumerError> {
    // Each try registers one owner more, and a batch names a few.
    for _ in 0..8 {
        let body = Body::RecordTransfers(batch.clone());
        let reply = ask(intake, id, body).await?;
        let Some(reason) = reply.answer.reason() else {
            return Ok(Ok(()));
        };
        let reason = match reason {
            Reason::Row { reason, .. } => reason.as_ref(),
            other => other,
        };
        let Reason::UnknownCustomer { customer } = reason else {
            return Ok(Err(Refusal::ByTheBooks(
                intake.describe(reason).to_string(),
            )));
        };
        let owner = format!("peatio/owner:{customer}");
        let body = Body::RegisterOwners(vec![customer.clone()]);
        let registered = ask(intake, &owner, body).await?;
        if let Some(reason) = registered.answer.reason() {
            return Ok(Err(Refusal::ByTheBooks(
                intake.describe(reason).to_string(),
            )));
        }
    }
    let what = "its owners could not be registered".to_owned();
    Ok(Err(Refusal::ByTheBooks(what)))
}

async fn ask(intake: &Arc<dyn Intake>, id: &str, body: Body) -> Result<Reply, ConsumerError> {
    loop {
        let (tell, told) = oneshot::channel();
        let command = Command {
            id: Some(id.to_owned()),
            actor: None,
            body: body.clone(),
        };
        intake.submit(command, Box::new(move |reply| drop(tell.send(reply))));
        match told.await.unwrap_or(Err(NoReply::Stopped)) {
            Ok(reply) => return Ok(reply),
            Err(NoReply::Busy { retry_ms, .. }) => {
                tokio::time::sleep(Duration::from_millis(retry_ms.clamp(10, 10_000))).await;
            }
            Err(NoReply::Stopped) => return Err(ConsumerError::Stopped),
        }
    }
}

/// Publishes the message to the refused queue, and returns once the broker has it.
async fn move_away(
    channel: &Channel,
    source: &Source,
    delivery: &Delivery,
    refusal: &Refusal,
    counts: &mut Counts,
) -> Result<(), ConsumerError> {
    let mut headers = FieldTable::default();
    let text = refusal.to_string();
    headers.insert(
        "reason".into(),
        AMQPValue::LongString(LongString::from(text)),
    );
    let key = delivery.routing_key.to_string();
    headers.insert(
        "routing-key".into(),
        AMQPValue::LongString(LongString::from(key)),
    );
    // 2 is persistent (AMQP 0-9-1, basic class).
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_delivery_mode(2);
    channel
        .basic_publish(
            "".into(),
            refused(source).as_str().into(),
            BasicPublishOptions::default(),
            &delivery.data,
            properties,
        )
        .await?
        .await?;
    counts.refused += 1;
    Ok(())
}
