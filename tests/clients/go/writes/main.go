// go-redis with its default settings, for run_writes.py: each worker has a client of its own, counts up its counter and pushes its ids.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	. "redis-portal/clients/report"
)

const workers = 50
const pause = 5 * time.Millisecond

var (
	ctx  = context.Background()
	stop atomic.Bool
)

type worker struct {
	lock   sync.Mutex
	Tried  int            `json:"tried"`
	Failed []int          `json:"failed"`
	Values []*int64       `json:"values"`
	Errors map[string]int `json:"errors"`
}

// named is the code of an error that the server answered, else the kind of error.
func named(err error) string {
	var answered redis.Error
	if errors.As(err, &answered) {
		return strings.Split(err.Error(), " ")[0]
	}
	return fmt.Sprintf("%T", err)
}

func (w *worker) locked(change func()) {
	w.lock.Lock()
	defer w.lock.Unlock()
	change()
}

func (w *worker) run(number int) {
	client := redis.NewClient(&redis.Options{Addr: Portal, Username: Username, Password: Password, TLSConfig: TLS("CA_FILE")})
	for !stop.Load() {
		value, err := client.Incr(ctx, fmt.Sprint("counter:", number)).Result()
		w.locked(func() {
			if err != nil {
				w.Errors[named(err)]++
				w.Values = append(w.Values, nil)
			} else {
				w.Values = append(w.Values, &value)
			}
			w.Tried++
			w.Failed = append(w.Failed, w.Tried)
		})
		err = client.RPush(ctx, fmt.Sprint("ids:", number), w.Tried).Err()
		w.locked(func() {
			if err != nil {
				w.Errors[named(err)]++
			} else {
				w.Failed = w.Failed[:len(w.Failed)-1]
			}
		})
		time.Sleep(pause)
	}
}

func main() {
	all := make([]*worker, workers)
	var running sync.WaitGroup
	for number := range all {
		all[number] = &worker{Failed: []int{}, Values: []*int64{}, Errors: map[string]int{}}
		running.Go(func() { all[number].run(number) })
	}
	fmt.Println("version", VersionOf("github.com/redis/go-redis/v9"))
	bufio.NewReader(os.Stdin).ReadString('\n')
	stop.Store(true)
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
	}
	for _, each := range all {
		each.lock.Lock() // for good: what still runs changes nothing while it is printed
	}
	Check(json.NewEncoder(os.Stdout).Encode(all))
}
