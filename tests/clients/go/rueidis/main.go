// rueidis: pipelines by itself over one connection, RESP3, caching by CLIENT TRACKING from the start.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	. "redis-portal/clients/report"
)

var (
	ctx    = context.Background()
	client = Must(connect(Portal, "CA_FILE", uncached))
)

// A connection with CLIENT TRACKING, which rueidis turns on unless told otherwise, ends with the leader that did the tracking.
const uncached = true

func connect(address, ca string, disableCache bool) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address}, Username: Username, Password: Password, TLSConfig: TLS(ca), ForceSingleClient: true,
		DisableCache: disableCache, PipelineMultiplex: -1})
}

func do(words ...string) rueidis.RedisResult {
	return client.Do(ctx, client.B().Arbitrary(words...).Build())
}

func opening() {
	recorded := Must(connect(Recording, "CA_FILE", !uncached))
	defer recorded.Close()
	Equal("PONG", Must(recorded.Do(ctx, recorded.B().Ping().Build()).ToString()))
}

func foreignCA() {
	_, err := connect(Portal, "FOREIGN_CA_FILE", uncached)
	FailsWith("certificate", err)
}

func binaryValues() {
	Check(do("SET", AllBytes, AllBytes).Error())
	Equal(AllBytes, Must(do("GET", AllBytes).ToString()))
	Check(do("SET", "empty", "").Error())
	Equal("", Must(do("GET", "empty").ToString()))
}

func largeValue() {
	Check(do("SET", "large", Large).Error())
	Equal(true, Must(do("GET", "large").ToString()) == Large)
}

func pipeline() {
	commands := make(rueidis.Commands, 10000)
	for i := range commands {
		commands[i] = client.B().Incr().Key("counter").Build()
	}
	for i, answer := range client.DoMulti(ctx, commands...) {
		Equal(int64(i+1), Must(answer.AsInt64()))
	}
}

func transaction() {
	Check(do("SET", "text", "abc").Error())
	Check(client.Dedicated(func(own rueidis.DedicatedClient) error {
		answers := own.DoMulti(ctx, own.B().Multi().Build(), own.B().Set().Key("a").Value("1").Build(), own.B().Incr().Key("a").Build(),
			own.B().Incr().Key("text").Build(), own.B().Get().Key("a").Build(), own.B().Exec().Build())
		results := Must(answers[5].ToArray())
		Equal(int64(2), Must(results[1].AsInt64()))
		FailsWith("not an integer", results[2].Error())
		Equal("2", Must(results[3].ToString()))
		return nil
	}))
}

func watchConflict() {
	Check(client.Dedicated(func(own rueidis.DedicatedClient) error {
		Check(own.Do(ctx, own.B().Watch().Key("watched").Build()).Error())
		Check(do("SET", "watched", "by another").Error())
		answers := own.DoMulti(ctx, own.B().Multi().Build(), own.B().Set().Key("watched").Value("by me").Build(), own.B().Exec().Build())
		Equal(true, rueidis.IsRedisNil(answers[2].Error()))
		return nil
	}))
	Equal("by another", Must(do("GET", "watched").ToString()))
}

func pubsub() {
	received := make(chan string, 10)
	subscribed := make(chan bool, 10)
	own, cancel := client.Dedicate()
	defer cancel()
	own.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage:      func(m rueidis.PubSubMessage) { received <- m.Pattern + " " + m.Channel + " " + m.Message },
		OnSubscription: func(rueidis.PubSubSubscription) { subscribed <- true },
	})
	Check(own.Do(ctx, own.B().Subscribe().Channel("news").Build()).Error())
	Check(own.Do(ctx, own.B().Psubscribe().Pattern("new*").Build()).Error())
	for range 2 {
		<-subscribed
	}
	Equal(int64(2), Must(do("PUBLISH", "news", "hello").AsInt64()))
	Equal(map[string]bool{" news hello": true, "new* news hello": true}, map[string]bool{<-received: true, <-received: true})
}

func blockingPop() {
	go func() {
		time.Sleep(300 * time.Millisecond)
		do("RPUSH", "queue", "job")
	}()
	Equal([]string{"queue", "job"}, Must(client.Do(ctx, client.B().Blpop().Key("queue").Timeout(10).Build()).AsStrSlice()))
	Equal(true, rueidis.IsRedisNil(client.Do(ctx, client.B().Blpop().Key("queue").Timeout(1).Build()).Error()))
}

func script() {
	const source = "return {KEYS[1], ARGV[1], tostring(redis.call('INCR', KEYS[1]))}"
	Equal([]string{"eval", "x", "1"}, Must(do("EVAL", source, "1", "eval", "x").AsStrSlice()))
	FailsWith("NOSCRIPT", do("EVALSHA", fmt.Sprintf("%040d", 0), "0").Error())
	sha := Must(do("SCRIPT", "LOAD", source+" -- loaded").ToString())
	Equal([]string{"eval", "y", "2"}, Must(do("EVALSHA", sha, "1", "eval", "y").AsStrSlice()))
}

func scan() {
	commands := make(rueidis.Commands, 1200)
	for i := range commands {
		name := map[bool]string{true: "scan", false: "other"}[i < 1000]
		commands[i] = client.B().Set().Key(fmt.Sprintf("%s:%d", name, i)).Value("1").Build()
	}
	for _, answer := range client.DoMulti(ctx, commands...) {
		Check(answer.Error())
	}
	found := map[string]bool{}
	scanner := rueidis.NewScanner(func(cursor uint64) (rueidis.ScanEntry, error) {
		return client.Do(ctx, client.B().Scan().Cursor(cursor).Match("scan:*").Count(100).Build()).AsScanEntry()
	})
	for key := range scanner.Iter() {
		found[key] = true
	}
	Check(scanner.Err())
	Equal(1000, len(found))
}

func streamGroup() {
	id := Must(do("XADD", "stream", "*", "field", "value").ToString())
	Check(do("XGROUP", "CREATE", "stream", "group", "0").Error())
	read := Must(do("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "stream", ">").AsXRead())
	Equal(id, read["stream"][0].ID)
	Equal("value", read["stream"][0].FieldValues["field"])
	Equal(int64(1), Must(do("XACK", "stream", "group", id).AsInt64()))
	pending := Must(do("XPENDING", "stream", "group").ToArray())
	Equal(int64(0), Must(pending[0].AsInt64()))
}

func resp3() {
	Check(do("HSET", "map", "a", "1").Error())
	Check(do("ZADD", "sorted", "1.5", "a").Error())
	Check(do("SADD", "set", "a").Error())
	fields := Must(do("HGETALL", "map").ToMessage())
	Equal(true, fields.IsMap())
	score := Must(do("ZSCORE", "sorted", "a").ToMessage())
	Equal(true, score.IsFloat64())
	Equal([]string{"a"}, Must(do("SMEMBERS", "set").AsStrSlice()))
	hello := Must(do("HELLO").AsMap())
	proto := hello["proto"]
	Equal(int64(3), Must(proto.AsInt64()))
}

func tracking() {
	caching := Must(connect(Portal, "CA_FILE", !uncached))
	defer caching.Close()
	read := func() rueidis.RedisResult {
		return caching.DoCache(ctx, caching.B().Get().Key("cached").Cache(), time.Minute)
	}
	Check(do("SET", "cached", "1").Error())
	Equal("1", Must(read().ToString()))
	Equal(true, read().IsCacheHit())
	Check(do("SET", "cached", "2").Error())
	Until("the new value", func() bool { return Must(read().ToString()) == "2" })
}

func leaderKilled() {
	received := make(chan string, 100)
	own, cancel := client.Dedicate()
	defer cancel()
	lost := own.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { received <- m.Message }})
	Check(own.Do(ctx, own.B().Subscribe().Channel("lasting").Build()).Error())
	before := Must(do("CLIENT", "ID").AsInt64())
	Check(do("SET", "lasting", "1").Error())
	Please("kill_leader")
	Equal("1", Must(do("GET", "lasting").ToString()))
	Equal(int64(2), Must(do("INCR", "lasting").AsInt64()))
	Equal(before, Must(do("CLIENT", "ID").AsInt64()))
	Until("a message after the leader's death", func() bool {
		Check(do("PUBLISH", "lasting", "still here").Error())
		select {
		case err := <-lost:
			panic(fmt.Sprintf("the subscription's connection was lost: %v", err))
		case <-received:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	Please("count_connections")
}

func portalKilled() {
	shared := Must(connect(Shared, "CA_FILE", uncached))
	defer shared.Close()
	say := func(words ...string) rueidis.RedisResult {
		return shared.Do(ctx, shared.B().Arbitrary(words...).Build())
	}
	Check(say("SET", "shared", "1").Error())
	Please("kill_portal")
	Until("an answer by the other portal", func() bool { return say("INCR", "after the portal").Error() == nil })
	Equal("1", Must(say("GET", "shared").ToString()))
}

func main() {
	Run(VersionOf("github.com/redis/rueidis"), Scenarios{
		Opening:       opening,
		ForeignCA:     foreignCA,
		BinaryValues:  binaryValues,
		LargeValue:    largeValue,
		Pipeline:      pipeline,
		Transaction:   transaction,
		WatchConflict: watchConflict,
		Pubsub:        pubsub,
		BlockingPop:   blockingPop,
		Script:        script,
		Scan:          scan,
		StreamGroup:   streamGroup,
		RESP3:         resp3,
		Tracking:      tracking,
		LeaderKilled:  leaderKilled,
		PortalKilled:  portalKilled,
	})
}
