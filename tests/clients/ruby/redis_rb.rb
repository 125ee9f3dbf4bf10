# redis-rb. A connection that listens or blocks has a thread of its own.
require "redis"
require "openssl"

$stdout.sync = true
WAIT = 15 # seconds for what happens in well under one

class Unsupported < StandardError
end

def connect(port: "PORTAL_PORT", ca: "CA_FILE", **options)
  Redis.new(host: ENV.fetch("PORTAL_HOST"), port: Integer(ENV.fetch(port)), username: ENV.fetch("REDIS_USERNAME"),
            password: ENV.fetch("REDIS_PASSWORD"), ssl: true, timeout: WAIT,
            ssl_params: { ca_file: ENV.fetch(ca), verify_mode: OpenSSL::SSL::VERIFY_PEER }, **options)
end

def equal(expected, found)
  raise "expected #{expected.inspect}, found #{found.inspect}"[0, 300] unless expected == found
end

def fails_with(kind, part)
  yield
rescue kind => error
  raise unless error.message.include?(part)
else
  raise "expected an error with #{part}"
end

def please(word)
  puts "please #{word}"
  equal("done\n", $stdin.gets)
end

def wait_until(what)
  give_up = Process.clock_gettime(Process::CLOCK_MONOTONIC) + WAIT
  until yield
    raise "#{what}: not within #{WAIT} s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > give_up
    sleep 0.02
  end
end

BYTES = (0..255).to_a.pack("C*")
CLIENT = connect

SCENARIOS = {
  "opening" => lambda {
    recorded = connect(port: "RECORDING_PORT")
    equal("PONG", recorded.ping)
    recorded.close
  },
  "foreign_ca" => lambda {
    fails_with(StandardError, "certificate verify failed") { connect(ca: "FOREIGN_CA_FILE", reconnect_attempts: 0).ping }
  },
  "binary_values" => lambda {
    all = BYTES + "\r\n$-1\r\n".b
    CLIENT.set(all, all)
    equal(all, CLIENT.get(all).b)
    CLIENT.set("empty", "")
    equal("", CLIENT.get("empty"))
  },
  "large_value" => lambda {
    large = BYTES * 4096
    CLIENT.set("large", large)
    equal(true, CLIENT.get("large").b == large)
  },
  "pipeline" => lambda {
    answers = CLIENT.pipelined { |pipe| 10_000.times { pipe.incr("counter") } }
    equal(true, answers == (1..10_000).to_a)
  },
  "transaction" => lambda {
    CLIENT.set("text", "abc")
    equal(["OK", 2, "2"], CLIENT.multi { |multi| multi.set("a", 1); multi.incr("a"); multi.get("a") })
    fails_with(Redis::CommandError, "not an integer") { CLIENT.multi { |multi| multi.incr("text"); multi.set("a", 3) } }
    equal("3", CLIENT.get("a"))
  },
  "watch_conflict" => lambda {
    watching = connect
    watching.watch("watched") do
      CLIENT.set("watched", "by another")
      equal(nil, watching.multi { |multi| multi.set("watched", "by me") })
    end
    equal("by another", CLIENT.get("watched"))
  },
  "pubsub" => lambda {
    received = Queue.new
    ready = Queue.new
    threads = [
      Thread.new { connect.subscribe("news") { |on|
        on.subscribe { ready << 1 }
        on.message { |channel, text| received << "message #{channel} #{text}" }
      } },
      Thread.new { connect.psubscribe("new*") { |on|
        on.psubscribe { ready << 1 }
        on.pmessage { |pattern, channel, text| received << "pmessage #{pattern} #{channel} #{text}" }
      } },
    ]
    2.times { ready.pop }
    equal(2, CLIENT.publish("news", "hello"))
    equal(["message news hello", "pmessage new* news hello"], [received.pop, received.pop].sort)
    threads.each(&:kill)
  },
  "blocking_pop" => lambda {
    pushing = Thread.new { sleep 0.3; CLIENT.rpush("queue", "job") }
    waiting = connect
    equal(["queue", "job"], waiting.blpop("queue", timeout: 10))
    pushing.join
    equal(nil, waiting.blpop("queue", timeout: 1))
  },
  "script" => lambda {
    source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
    equal(["eval", "x", 1], CLIENT.eval(source, ["eval"], ["x"]))
    fails_with(Redis::CommandError, "NOSCRIPT") { CLIENT.evalsha("0" * 40) }
    sha = CLIENT.script(:load, "#{source} -- loaded")
    equal(["eval", "y", 2], CLIENT.evalsha(sha, ["eval"], ["y"]))
  },
  "scan" => lambda {
    CLIENT.pipelined { |pipe| 1200.times { |i| pipe.set("#{i < 1000 ? 'scan' : 'other'}:#{i}", i) } }
    equal(1000, CLIENT.scan_each(match: "scan:*", count: 100).to_a.uniq.size)
  },
  "stream_group" => lambda {
    id = CLIENT.xadd("stream", { "field" => "value" })
    CLIENT.xgroup(:create, "stream", "group", "0")
    equal({ "stream" => [[id, { "field" => "value" }]] }, CLIENT.xreadgroup("group", "consumer", "stream", ">"))
    equal(1, CLIENT.xack("stream", "group", id))
    equal(0, CLIENT.xpending("stream", "group")["size"])
  },
  "resp3" => -> { raise Unsupported, "speaks RESP2 only" },
  "tracking" => -> { raise Unsupported, "has no client-side cache" },
  "leader_killed" => lambda {
    # Without attempts to connect again a lost connection would be an error here.
    lasting = connect(reconnect_attempts: 0)
    received = Queue.new
    ready = Queue.new
    listening = Thread.new { connect(reconnect_attempts: 0).subscribe("lasting") { |on|
      on.subscribe { ready << 1 }
      on.message { |_, text| received << text }
    } }
    listening.report_on_exception = true
    ready.pop
    before = lasting.client(:id)
    lasting.set("lasting", 1)
    please("kill_leader")
    equal("1", lasting.get("lasting"))
    equal(2, lasting.incr("lasting"))
    equal(before, lasting.client(:id))
    wait_until("a message after the leader's death") { lasting.publish("lasting", "still here"); !received.empty? }
    equal("still here", received.pop)
    please("count_connections")
    listening.kill
  },
  "portal_killed" => lambda {
    shared = connect(port: "SHARED_PORT")
    shared.set("shared", 1)
    please("kill_portal")
    wait_until("an answer by the other portal") do
      shared.incr("after the portal") > 0
    rescue Redis::BaseConnectionError
      false
    end
    equal("1", shared.get("shared"))
  },
}.freeze

puts "version #{Redis::VERSION}"
SCENARIOS.each do |name, scenario|
  scenario.call
  puts "ok #{name}"
rescue Unsupported => reason
  puts "unsupported #{name}: #{reason.message}"
rescue StandardError => error
  warn error.full_message
  puts "failed #{name}: #{error.message.tr("\n", ' ')[0, 300]}"
end
exit!(0) # whatever threads still listen
