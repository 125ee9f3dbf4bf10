// go-redis.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	. "redis-portal/clients/report"
)

var (
	ctx    = context.Background()
	client = connect(Portal, "CA_FILE", nil)
)

func connect(address, ca string, change func(*redis.Options)) *redis.Client {
	options := &redis.Options{Addr: address, Username: Username, Password: Password, TLSConfig: TLS(ca)}
	if change != nil {
		change(options)
	}
	return redis.NewClient(options)
}

func oneConnection(options *redis.Options) { options.PoolSize = 1 }

func opening() {
	recorded := connect(Recording, "CA_FILE", oneConnection)
	defer recorded.Close()
	Equal("PONG", Must(recorded.Ping(ctx).Result()))
}

func foreignCA() {
	deceived := connect(Portal, "FOREIGN_CA_FILE", nil)
	defer deceived.Close()
	FailsWith("certificate", deceived.Ping(ctx).Err())
}

func binaryValues() {
	Check(client.Set(ctx, AllBytes, AllBytes, 0).Err())
	Equal(AllBytes, Must(client.Get(ctx, AllBytes).Result()))
	Check(client.Set(ctx, "empty", "", 0).Err())
	Equal("", Must(client.Get(ctx, "empty").Result()))
}

func largeValue() {
	Check(client.Set(ctx, "large", Large, 0).Err())
	Equal(true, Must(client.Get(ctx, "large").Result()) == Large)
}

func pipeline() {
	pipe := client.Pipeline()
	for range 10000 {
		pipe.Incr(ctx, "counter")
	}
	answers := Must(pipe.Exec(ctx))
	Equal(10000, len(answers))
	for i, answer := range answers {
		Equal(int64(i+1), answer.(*redis.IntCmd).Val())
	}
}

func transaction() {
	Check(client.Set(ctx, "text", "abc", 0).Err())
	multi := client.TxPipeline()
	multi.Set(ctx, "a", 1, 0)
	incr := multi.Incr(ctx, "a")
	wrong := multi.Incr(ctx, "text")
	get := multi.Get(ctx, "a")
	_, err := multi.Exec(ctx)
	FailsWith("not an integer", err)
	FailsWith("not an integer", wrong.Err())
	Equal(int64(2), incr.Val())
	Equal("2", get.Val())
}

func watchConflict() {
	err := client.Watch(ctx, func(tx *redis.Tx) error {
		Check(client.Set(ctx, "watched", "by another", 0).Err())
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			return pipe.Set(ctx, "watched", "by me", 0).Err()
		})
		return err
	}, "watched")
	Equal(redis.TxFailedErr, err)
	Equal("by another", client.Get(ctx, "watched").Val())
}

func pubsub() {
	listener := client.Subscribe(ctx, "news")
	defer listener.Close()
	Check(listener.PSubscribe(ctx, "new*"))
	for range 2 {
		Must(listener.ReceiveTimeout(ctx, 5*time.Second))
	}
	Equal(int64(2), Must(client.Publish(ctx, "news", "hello").Result()))
	found := map[string]bool{}
	for range 2 {
		message := Must(listener.ReceiveTimeout(ctx, 5*time.Second)).(*redis.Message)
		found[message.Pattern+" "+message.Channel+" "+message.Payload] = true
	}
	Equal(map[string]bool{" news hello": true, "new* news hello": true}, found)
}

func blockingPop() {
	go func() {
		time.Sleep(300 * time.Millisecond)
		client.RPush(ctx, "queue", "job")
	}()
	Equal([]string{"queue", "job"}, Must(client.BLPop(ctx, 10*time.Second, "queue").Result()))
	Equal(redis.Nil, client.BLPop(ctx, time.Second, "queue").Err())
}

func script() {
	const source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
	Equal([]any{"eval", "x", int64(1)}, Must(client.Eval(ctx, source, []string{"eval"}, "x").Result()))
	FailsWith("NOSCRIPT", client.EvalSha(ctx, fmt.Sprintf("%040d", 0), nil).Err())
	sha := Must(client.ScriptLoad(ctx, source+" -- loaded").Result())
	Equal([]any{"eval", "y", int64(2)}, Must(client.EvalSha(ctx, sha, []string{"eval"}, "y").Result()))
}

func scan() {
	pipe := client.Pipeline()
	for i := range 1200 {
		pipe.Set(ctx, fmt.Sprintf("%s:%d", map[bool]string{true: "scan", false: "other"}[i < 1000], i), i, 0)
	}
	Must(pipe.Exec(ctx))
	found := map[string]bool{}
	keys := client.Scan(ctx, 0, "scan:*", 100).Iterator()
	for keys.Next(ctx) {
		found[keys.Val()] = true
	}
	Check(keys.Err())
	Equal(1000, len(found))
}

func streamGroup() {
	id := Must(client.XAdd(ctx, &redis.XAddArgs{Stream: "stream", Values: []string{"field", "value"}}).Result())
	Check(client.XGroupCreate(ctx, "stream", "group", "0").Err())
	read := Must(client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "group", Consumer: "consumer", Streams: []string{"stream", ">"}, Block: -1}).Result())
	Equal(id, read[0].Messages[0].ID)
	Equal("value", read[0].Messages[0].Values["field"])
	Equal(int64(1), Must(client.XAck(ctx, "stream", "group", id).Result()))
	Equal(int64(0), Must(client.XPending(ctx, "stream", "group").Result()).Count)
}

func resp3() {
	third := connect(Portal, "CA_FILE", func(options *redis.Options) { options.Protocol = 3 })
	defer third.Close()
	Check(third.HSet(ctx, "map", "a", 1).Err())
	Check(third.ZAdd(ctx, "sorted", redis.Z{Score: 1.5, Member: "a"}).Err())
	Check(third.SAdd(ctx, "set", "a").Err())
	Equal(map[any]any{"a": "1"}, Must(third.Do(ctx, "HGETALL", "map").Result()))
	Equal(1.5, Must(third.Do(ctx, "ZSCORE", "sorted", "a").Result()))
	Equal([]string{"a"}, Must(third.SMembers(ctx, "set").Result()))
	Equal(int64(3), Must(third.Do(ctx, "HELLO").Result()).(map[any]any)["proto"])
}

func tracking() {
	caching := connect(Portal, "CA_FILE", func(options *redis.Options) {
		options.Protocol = 3
		options.ClientSideCacheConfig = &redis.ClientSideCacheConfig{MaxEntries: 100}
	})
	defer caching.Close()
	Check(client.Set(ctx, "cached", "1", 0).Err())
	Until("an answer from the cache", func() bool {
		Equal("1", Must(caching.Get(ctx, "cached").Result()))
		return caching.CSCStats().Hits > 0
	})
	Check(client.Set(ctx, "cached", "2", 0).Err())
	Until("the new value", func() bool { return Must(caching.Get(ctx, "cached").Result()) == "2" })
}

func leaderKilled() {
	lasting := connect(Portal, "CA_FILE", oneConnection)
	defer lasting.Close()
	listener := client.Subscribe(ctx, "lasting")
	defer listener.Close()
	Must(listener.ReceiveTimeout(ctx, 5*time.Second))
	before := Must(lasting.ClientID(ctx).Result())
	Check(lasting.Set(ctx, "lasting", "1", 0).Err())
	Please("kill_leader")
	Equal("1", Must(lasting.Get(ctx, "lasting").Result()))
	Equal(int64(2), Must(lasting.Incr(ctx, "lasting").Result()))
	Equal(before, Must(lasting.ClientID(ctx).Result()))
	Until("a message after the leader's death", func() bool {
		Check(lasting.Publish(ctx, "lasting", "still here").Err())
		message, _ := listener.ReceiveTimeout(ctx, 100*time.Millisecond)
		_, received := message.(*redis.Message)
		return received
	})
	Please("count_connections")
}

func portalKilled() {
	shared := connect(Shared, "CA_FILE", nil)
	defer shared.Close()
	Check(shared.Set(ctx, "shared", "1", 0).Err())
	Please("kill_portal")
	Until("an answer by the other portal", func() bool { return shared.Incr(ctx, "after the portal").Err() == nil })
	Equal("1", Must(shared.Get(ctx, "shared").Result()))
}

func main() {
	Run(VersionOf("github.com/redis/go-redis/v9"), Scenarios{
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
