//! The consumer against a real broker: nothing lost, nothing booked twice, nothing in the way.

use crate::broker::Broker;
use crate::events::{claims, deposit, names};
use crate::signing::{Signer, message};
use keepwhole_core::answer::{Answer, Reply};
use keepwhole_core::command::{Body, Command};
use keepwhole_core::reason::Reason;
use keepwhole_edge::{Done, Intake, NoReply};
use keepwhole_peatio::consumer::{ConsumerError, Counts, Source, consume};
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Books as a sequencer would: ids once, owners first, and a stop in the middle where the test asks for it.
#[derive(Default)]
struct Books {
    owners: Mutex<BTreeSet<String>>,
    rows: Mutex<BTreeMap<String, u128>>,
    answers: Mutex<u32>,
    stop_after: Mutex<Option<u32>>,
}

impl Books {
    fn reply(&self, command: &Command) -> Answer {
        match &command.body {
            Body::RegisterOwners(owners) => {
                self.owners.lock().unwrap().extend(owners.iter().cloned())
            }
            Body::RecordTransfers(batch) => {
                let owners = self.owners.lock().unwrap();
                for (at, row) in batch.rows().enumerate() {
                    for name in [row.from, row.to] {
                        if !owners.contains(name) && !["outside", "house"].contains(&name) {
                            let reason = Box::new(Reason::UnknownCustomer {
                                customer: name.to_owned(),
                            });
                            let row = u32::try_from(at).unwrap();
                            return Answer::because(Reason::Row { row, reason });
                        }
                    }
                }
                for row in batch.rows() {
                    self.rows
                        .lock()
                        .unwrap()
                        .insert(row.id.to_owned(), row.units);
                }
            }
            other => panic!("{other:?}"),
        }
        Answer::Recorded
    }
}

impl Intake for Books {
    fn submit(&self, command: Command, done: Done) {
        let mut answers = self.answers.lock().unwrap();
        let stop = *self.stop_after.lock().unwrap();
        if stop.is_some_and(|stop| *answers >= stop) {
            return done(Err(NoReply::Stopped));
        }
        *answers += 1;
        let answer = self.reply(&command);
        done(Ok(Reply {
            answer,
            repeated: false,
            created: None,
            repeated_rows: 0,
        }));
    }
    fn decimals(&self, asset: &str) -> Option<u8> {
        (asset == "BTC").then_some(8)
    }
    fn describe(&self, reason: &Reason) -> serde_json::Value {
        json!({ "code": reason.code() })
    }
    fn unready(&self) -> Option<String> {
        None
    }
}

fn source(signer: &Signer) -> Source {
    Source {
        queue: "keepwhole".to_owned(),
        bindings: vec![(
            "peatio.events.model".to_owned(),
            "deposit.updated".to_owned(),
        )],
        keys: vec![signer.key()],
        signatures: 1,
        names: names(),
    }
}

/// Consumes until `enough`, or until it ends by itself.
async fn until(
    uri: &str,
    source: &Source,
    books: &Arc<Books>,
    enough: u64,
) -> Result<Counts, ConsumerError> {
    let (tell, mut told) = tokio::sync::watch::channel(Counts::default());
    let stop = async move {
        let done = |c: &Counts| c.booked + c.nothing + c.refused >= enough;
        let reached = told.wait_for(done);
        drop(tokio::time::timeout(Duration::from_secs(60), reached).await);
    };
    let intake: Arc<dyn Intake> = Arc::clone(books) as _;
    consume(
        uri,
        source,
        intake,
        &move |counts| {
            let _nobody_waits = tell.send(counts);
        },
        stop,
    )
    .await
}

async fn publish(uri: &str, messages: Vec<Vec<u8>>) {
    let connection = Connection::connect(uri, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    for message in messages {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel.basic_publish(
            "peatio.events.model".into(),
            "deposit.updated".into(),
            options,
            &message,
            properties,
        );
        sent.await.unwrap().await.unwrap();
    }
    connection.close(200, "done".into()).await.unwrap();
}

fn signed(signer: &Signer, number: u32, state: &str) -> Vec<u8> {
    let mut event = deposit();
    event["record"]["tid"] = json!(format!("TID{number}"));
    event["record"]["uid"] = json!(format!("ID{}", number % 5));
    event["record"]["state"] = json!(state);
    message(&claims(&event), &[signer])
}

#[test]
fn every_event_is_booked_once_over_stops_repeats_and_refusals() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (signer, stranger) = (Signer::new("peatio"), Signer::new("mallory"));
        let (uri, source) = (broker.uri.as_str(), source(&signer));
        let books = Arc::new(Books::default());
        // The first start makes queue and bindings.
        assert_eq!(
            until(uri, &source, &books, 0).await.unwrap(),
            Counts::default()
        );
        let mut messages: Vec<Vec<u8>> = (0..40).map(|n| signed(&signer, n, "accepted")).collect();
        messages.push(signed(&signer, 3, "collected"));
        messages.push(signed(&signer, 99, "submitted"));
        messages.push(signed(&stranger, 98, "accepted"));
        messages.push(b"not a message".to_vec());
        publish(uri, messages).await;
        // The sequencer stops in the middle: the message under way goes back, and nothing is acknowledged for it.
        *books.stop_after.lock().unwrap() = Some(17);
        assert!(matches!(
            until(uri, &source, &books, 1_000).await,
            Err(ConsumerError::Stopped)
        ));
        *books.stop_after.lock().unwrap() = None;
        let booked = books.rows.lock().unwrap().len();
        assert!((1..40).contains(&booked), "{booked}");
        let rest = u64::try_from(44 - booked).unwrap();
        let counts = until(uri, &source, &books, rest).await.unwrap();
        assert_eq!((counts.nothing, counts.refused), (1, 2));
        let rows = books.rows.lock().unwrap().clone();
        assert_eq!(rows.len(), 40);
        assert!(rows.values().all(|units| *units == 8_550_000));
        assert_eq!(
            refused(uri).await,
            [
                "not a JWT with `payload` and `signatures`",
                "`0` known keys signed and `1` are needed"
            ]
        );
    });
}

/// The beginnings of the reasons in the refused queue, sorted; the queue is emptied.
async fn refused(uri: &str) -> Vec<String> {
    let connection = Connection::connect(uri, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut reasons = Vec::new();
    while let Some(message) = channel
        .basic_get("keepwhole.refused".into(), BasicGetOptions::default())
        .await
        .unwrap()
    {
        let headers = message.properties.headers().clone().unwrap();
        let (_, reason) = headers
            .inner()
            .iter()
            .find(|(key, _)| key.as_str() == "reason")
            .unwrap();
        let reason = reason.as_long_string().unwrap().to_string();
        reasons.push(reason.split(": ").next().unwrap().to_owned());
        message
            .delivery
            .ack(BasicAckOptions::default())
            .await
            .unwrap();
    }
    let _ = channel.close(200, "done".into()).await;
    reasons.sort_unstable_by(|a, b| b.cmp(a));
    reasons
}
