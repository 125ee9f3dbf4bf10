// asynq: two servers of four goroutines each in processes of their own, for run_jobs.py. Without arguments it is the producer, which
// starts them.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func connection() asynq.RedisClientOpt {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("CA_FILE"))))
	return asynq.RedisClientOpt{Addr: os.Getenv("PORTAL_HOST") + ":" + os.Getenv("PORTAL_PORT"), Password: os.Getenv("REDIS_PASSWORD"),
		TLSConfig: &tls.Config{RootCAs: roots}}
}

// note appends one line in one write, so that lines of processes do not mix.
func note(file, text string) {
	out := must(os.OpenFile(os.Getenv(file), os.O_WRONLY|os.O_APPEND, 0))
	defer out.Close()
	must(out.WriteString(text + "\n"))
}

func work() {
	server := asynq.NewServer(connection(), asynq.Config{Concurrency: 4})
	log.Fatal(server.Run(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		note("JOBS_DONE", fmt.Sprint(string(task.Payload()), " ", os.Getpid()))
		return nil
	})))
}

func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == "github.com/hibiken/asynq" {
			return dependency.Version
		}
	}
	return "unknown"
}

func main() {
	if len(os.Args) > 1 {
		work()
	}
	runtime.LockOSThread() // the workers die with the thread that starts them
	for range 2 {
		worker := exec.Command(os.Args[0], "worker")
		worker.Stdout, worker.Stderr = os.Stderr, os.Stderr
		worker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := worker.Start(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("version", version())
	var stop atomic.Bool
	go func() {
		bufio.NewReader(os.Stdin).ReadString('\n')
		stop.Store(true)
	}()
	client := asynq.NewClient(connection())
	for number := 1; !stop.Load(); number++ {
		if _, err := client.Enqueue(asynq.NewTask("job", fmt.Append(nil, number))); err != nil {
			fmt.Printf("refused %T %.60s\n", err, err)
		} else {
			note("JOBS_ACCEPTED", fmt.Sprint(number))
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("stopped")
	select {}
}
