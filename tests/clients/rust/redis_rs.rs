//! redis-rs: the blocking connection for most, the asynchronous one for its cache.
use std::collections::{BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::fmt::Debug;
use std::io::BufRead;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use redis::caching::CacheConfig;
use redis::streams::{StreamPendingReply, StreamReadOptions, StreamReadReply};
use redis::{Client, Commands, Connection, ErrorKind, RedisResult, TlsCertificates, Value};

type Outcome = Result<(), Box<dyn Error>>;

const WAIT: Duration = Duration::from_secs(15); // for what happens in well under one

fn client_of(port: &str, ca: &str, options: &str) -> RedisResult<Client> {
    let variable = |name: &str| env::var(name).expect(name);
    let url = format!(
        "rediss://{}:{}@{}:{}/{}",
        variable("REDIS_USERNAME"),
        variable("REDIS_PASSWORD"),
        variable("PORTAL_HOST"),
        variable(port),
        options
    );
    let root_cert = Some(fs::read(variable(ca)).expect("the CA file"));
    Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert })
}

fn connect_to(port: &str, ca: &str) -> RedisResult<Connection> {
    let connection = client_of(port, ca, "")?.get_connection()?;
    connection.set_read_timeout(Some(WAIT))?;
    Ok(connection)
}

fn connect() -> RedisResult<Connection> {
    connect_to("PORTAL_PORT", "CA_FILE")
}

fn equal<T: PartialEq + Debug>(expected: T, found: T) -> Outcome {
    if expected == found {
        return Ok(());
    }
    let shown = format!("expected {expected:?}, found {found:?}");
    Err(shown.chars().take(300).collect::<String>().into())
}

fn please(word: &str) -> Outcome {
    println!("please {word}");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    equal("done\n", line.as_str())
}

fn until(what: &str, mut attempt: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Outcome {
    let end = Instant::now() + WAIT;
    while !attempt()? {
        if Instant::now() > end {
            return Err(format!("{what}: not within {WAIT:?}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn bytes() -> Vec<u8> {
    (0..=255).collect()
}

fn opening() -> Outcome {
    let mut recorded = connect_to("RECORDING_PORT", "CA_FILE")?;
    equal("PONG".to_string(), redis::cmd("PING").query(&mut recorded)?)
}

fn foreign_ca() -> Outcome {
    match connect_to("PORTAL_PORT", "FOREIGN_CA_FILE") {
        Ok(_) => Err("accepted".into()),
        Err(error) if error.to_string().contains("certificate verify failed") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn binary_values() -> Outcome {
    let mut client = connect()?;
    let all = [bytes(), b"\r\n$-1\r\n".to_vec()].concat();
    () = client.set(&all, &all)?;
    equal(all.clone(), client.get(&all)?)?;
    () = client.set("empty", "")?;
    equal(Some(String::new()), client.get("empty")?)
}

fn large_value() -> Outcome {
    let mut client = connect()?;
    let large = bytes().repeat(4096);
    () = client.set("large", &large)?;
    equal(true, client.get::<_, Vec<u8>>("large")? == large)
}

fn pipeline() -> Outcome {
    let mut pipe = redis::pipe();
    for _ in 0..10_000 {
        pipe.incr("counter", 1);
    }
    let answers: Vec<i64> = pipe.query(&mut connect()?)?;
    equal(true, answers == (1..=10_000).collect::<Vec<_>>())
}

fn transaction() -> Outcome {
    let mut client = connect()?;
    () = client.set("text", "abc")?;
    let answers: (String, i64, String) = redis::pipe().atomic().set("a", 1).incr("a", 1).get("a").query(&mut client)?;
    equal(("OK".to_string(), 2, "2".to_string()), answers)?;
    let failed: RedisResult<Value> = redis::pipe().atomic().incr("text", 1).set("a", 3).query(&mut client);
    equal(true, failed.is_err_and(|error| error.to_string().contains("not an integer")))?;
    equal(3, client.get("a")?)
}

fn watch_conflict() -> Outcome {
    let mut watching = connect()?;
    () = redis::cmd("WATCH").arg("watched").query(&mut watching)?;
    () = connect()?.set("watched", "by another")?;
    let aborted: Option<(String,)> = redis::pipe().atomic().set("watched", "by me").query(&mut watching)?;
    equal(None, aborted)?;
    equal("by another".to_string(), watching.get("watched")?)
}

fn pubsub() -> Outcome {
    let mut listening = connect()?;
    let mut listener = listening.as_pubsub();
    listener.set_read_timeout(Some(WAIT))?;
    listener.subscribe("news")?;
    listener.psubscribe("new*")?;
    equal(2, connect()?.publish("news", "hello")?)?;
    let mut found = BTreeSet::new();
    for _ in 0..2 {
        let message = listener.get_message()?;
        let pattern: Option<String> = message.get_pattern()?;
        found.insert(format!("{pattern:?} {} {}", message.get_channel_name(), message.get_payload::<String>()?));
    }
    let wanted = ["None news hello", "Some(\"new*\") news hello"].map(String::from);
    equal(BTreeSet::from(wanted), found)
}

fn blocking_pop() -> Outcome {
    let pushing = thread::spawn(|| -> RedisResult<()> {
        thread::sleep(Duration::from_millis(300));
        connect()?.rpush("queue", "job")
    });
    let mut client = connect()?;
    equal(Some(("queue".to_string(), "job".to_string())), client.blpop("queue", 10.0)?)?;
    pushing.join().expect("the pushing thread")?;
    equal(None::<(String, String)>, client.blpop("queue", 1.0)?)
}

fn script() -> Outcome {
    let mut client = connect()?;
    let source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
    let answer = |value: &str, count| ("eval".to_string(), value.to_string(), count);
    equal(answer("x", 1), redis::cmd("EVAL").arg(source).arg(1).arg("eval").arg("x").query(&mut client)?)?;
    let unknown: RedisResult<Value> = redis::cmd("EVALSHA").arg("0".repeat(40)).arg(0).query(&mut client);
    equal(Some("NOSCRIPT"), unknown.as_ref().err().and_then(|error| error.code()))?;
    // Script sends EVALSHA first, and SCRIPT LOAD when that is answered by NOSCRIPT.
    let other = redis::Script::new(&format!("{source} -- loaded"));
    equal(answer("y", 2), other.key("eval").arg("y").invoke(&mut client)?)
}

fn scan() -> Outcome {
    let mut client = connect()?;
    let mut pipe = redis::pipe();
    for i in 0..1200 {
        pipe.set(format!("{}:{i}", if i < 1000 { "scan" } else { "other" }), 1).ignore();
    }
    () = pipe.query(&mut client)?;
    let found: RedisResult<HashSet<String>> = client.scan_match("scan:*")?.collect();
    equal(1000, found?.len())
}

fn stream_group() -> Outcome {
    let mut client = connect()?;
    let id: String = client.xadd("stream", "*", &[("field", "value")])?;
    () = client.xgroup_create("stream", "group", "0")?;
    let options = StreamReadOptions::default().group("group", "consumer");
    let read: StreamReadReply = client.xread_options(&["stream"], &[">"], &options)?;
    let entry = &read.keys[0].ids[0];
    equal(&id, &entry.id)?;
    equal(Some("value".to_string()), entry.get("field"))?;
    equal(1, client.xack("stream", "group", &[&id])?)?;
    let pending: StreamPendingReply = client.xpending("stream", "group")?;
    equal(0, pending.count())
}

fn resp3() -> Outcome {
    let mut third = client_of("PORTAL_PORT", "CA_FILE", "?protocol=resp3")?.get_connection()?;
    () = third.hset("map", "a", "1")?;
    () = third.zadd("sorted", "a", 1.5)?;
    () = third.sadd("set", "a")?;
    let text = |words: &str| Value::BulkString(words.as_bytes().to_vec());
    equal(Value::Map(vec![(text("a"), text("1"))]), third.hgetall("map")?)?;
    equal(Value::Double(1.5), third.zscore("sorted", "a")?)?;
    equal(Value::Set(vec![text("a")]), third.smembers("set")?)?;
    let hello: HashMap<String, Value> = redis::cmd("HELLO").query(&mut third)?;
    equal(Some(&Value::Int(3)), hello.get("proto"))
}

#[tokio::main(flavor = "current_thread")]
async fn tracking() -> Outcome {
    use redis::AsyncCommands;
    let config = redis::AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
    let library = client_of("PORTAL_PORT", "CA_FILE", "?protocol=resp3")?;
    let mut caching = library.get_multiplexed_async_connection_with_config(&config).await?;
    let mut another = library.get_multiplexed_async_connection().await?;
    () = another.set("cached", "1").await?;
    for _ in 0..2 {
        equal("1".to_string(), caching.get("cached").await?)?;
    }
    equal(1, caching.get_cache_statistics().ok_or("no cache")?.hit)?;
    () = another.set("cached", "2").await?;
    let end = Instant::now() + WAIT;
    while caching.get::<_, String>("cached").await? != "2" {
        if Instant::now() > end {
            return Err("the new value: never".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn leader_killed() -> Outcome {
    let mut lasting = connect()?;
    let mut listening = connect()?;
    let mut listener = listening.as_pubsub();
    listener.subscribe("lasting")?;
    let id = redis::cmd("CLIENT").arg("ID").to_owned();
    let before: i64 = id.query(&mut lasting)?;
    () = lasting.set("lasting", 1)?;
    please("kill_leader")?;
    equal(1, lasting.get("lasting")?)?;
    equal(2, lasting.incr("lasting", 1)?)?;
    equal(before, id.query(&mut lasting)?)?;
    listener.set_read_timeout(Some(Duration::from_millis(100)))?;
    until("a message after the leader's death", || {
        () = lasting.publish("lasting", "still here")?;
        match listener.get_message() {
            Ok(message) => Ok(message.get_payload::<String>()? == "still here"),
            Err(error) if error.is_timeout() => Ok(false),
            Err(error) => Err(error.into()),
        }
    })?;
    please("count_connections")
}

fn portal_killed() -> Outcome {
    // The blocking connection does not connect again by itself: its user asks the same client for another.
    let library = client_of("SHARED_PORT", "CA_FILE", "")?;
    let mut shared = library.get_connection()?;
    () = shared.set("shared", 1)?;
    please("kill_portal")?;
    until("an answer by the other portal", || {
        let answered: RedisResult<i64> = shared.incr("after the portal", 1);
        if answered.as_ref().is_err_and(|error| error.kind() != ErrorKind::Io) {
            return Err(answered.unwrap_err().into());
        }
        if answered.is_err() {
            if let Ok(again) = library.get_connection() {
                shared = again;
            }
        }
        Ok(answered.is_ok())
    })?;
    equal(1, shared.get("shared")?)
}

fn main() {
    let lock = include_str!("Cargo.lock");
    let version = lock.split("name = \"redis\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    println!("version {}", version.unwrap_or("unknown"));
    let scenarios: [(&str, fn() -> Outcome); 16] = [
        ("opening", opening),
        ("foreign_ca", foreign_ca),
        ("binary_values", binary_values),
        ("large_value", large_value),
        ("pipeline", pipeline),
        ("transaction", transaction),
        ("watch_conflict", watch_conflict),
        ("pubsub", pubsub),
        ("blocking_pop", blocking_pop),
        ("script", script),
        ("scan", scan),
        ("stream_group", stream_group),
        ("resp3", resp3),
        ("tracking", tracking),
        ("leader_killed", leader_killed),
        ("portal_killed", portal_killed),
    ];
    for (name, scenario) in scenarios {
        match scenario() {
            Ok(()) => println!("ok {name}"),
            Err(error) => println!("failed {name}: {}", error.to_string().replace('\n', " ")),
        }
    }
}
