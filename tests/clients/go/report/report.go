// Package report is what the Go programs share: where to connect, the lines that the driver reads, waiting.
package report

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"
)

var (
	Username = os.Getenv("REDIS_USERNAME")
	Password = os.Getenv("REDIS_PASSWORD")

	Portal    = address("PORTAL_PORT")
	Shared    = address("SHARED_PORT")
	Recording = address("RECORDING_PORT")

	AllBytes = allBytes() + "\r\n$-1\r\n"
	Large    = strings.Repeat(allBytes(), 4096)

	input = bufio.NewReader(os.Stdin)
)

const wait = 15 * time.Second // for what happens in well under a second

func address(name string) string { return os.Getenv("PORTAL_HOST") + ":" + os.Getenv(name) }

func allBytes() string {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	return string(bytes)
}

// TLS trusts only the CA in the file that the environment variable names: CA_FILE or FOREIGN_CA_FILE.
func TLS(variable string) *tls.Config {
	pem, err := os.ReadFile(os.Getenv(variable))
	Check(err)
	roots := x509.NewCertPool()
	Equal(true, roots.AppendCertsFromPEM(pem))
	return &tls.Config{RootCAs: roots}
}

type unsupported string

// Unsupported ends a scenario: the client library has no such thing.
func Unsupported(reason string) { panic(unsupported(reason)) }

func Check(err error) {
	if err != nil {
		panic(err)
	}
}

func Must[T any](value T, err error) T {
	Check(err)
	return value
}

func Equal(expected, found any) {
	if !reflect.DeepEqual(expected, found) {
		panic(fmt.Sprintf("expected %#.200v, found %#.200v", expected, found))
	}
}

// FailsWith wants an error whose text has the given part.
func FailsWith(part string, err error) {
	if err == nil || !strings.Contains(err.Error(), part) {
		panic(fmt.Sprintf("expected an error with %q, found %v", part, err))
	}
}

func Please(word string) {
	fmt.Println("please", word)
	if line, _ := input.ReadString('\n'); line != "done\n" {
		os.Exit(1) // the driver is gone
	}
}

func Until(what string, attempt func() bool) {
	for end := time.Now().Add(wait); !attempt(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			panic(fmt.Sprintf("%s: not within %v", what, wait))
		}
	}
}

// Scenarios are functions that panic when something is wrong.
type Scenarios struct {
	Opening       func()
	ForeignCA     func()
	BinaryValues  func()
	LargeValue    func()
	Pipeline      func()
	Transaction   func()
	WatchConflict func()
	Pubsub        func()
	BlockingPop   func()
	Script        func()
	Scan          func()
	StreamGroup   func()
	RESP3         func()
	Tracking      func()
	LeaderKilled  func()
	PortalKilled  func()
}

func Run(version string, scenarios Scenarios) {
	fmt.Println("version", strings.TrimPrefix(version, "v"))
	fmt.Println(outcome("opening", scenarios.Opening))
	fmt.Println(outcome("foreign_ca", scenarios.ForeignCA))
	fmt.Println(outcome("binary_values", scenarios.BinaryValues))
	fmt.Println(outcome("large_value", scenarios.LargeValue))
	fmt.Println(outcome("pipeline", scenarios.Pipeline))
	fmt.Println(outcome("transaction", scenarios.Transaction))
	fmt.Println(outcome("watch_conflict", scenarios.WatchConflict))
	fmt.Println(outcome("pubsub", scenarios.Pubsub))
	fmt.Println(outcome("blocking_pop", scenarios.BlockingPop))
	fmt.Println(outcome("script", scenarios.Script))
	fmt.Println(outcome("scan", scenarios.Scan))
	fmt.Println(outcome("stream_group", scenarios.StreamGroup))
	fmt.Println(outcome("resp3", scenarios.RESP3))
	fmt.Println(outcome("tracking", scenarios.Tracking))
	fmt.Println(outcome("leader_killed", scenarios.LeaderKilled))
	fmt.Println(outcome("portal_killed", scenarios.PortalKilled))
}

func outcome(name string, scenario func()) (line string) {
	defer func() {
		switch problem := recover().(type) {
		case nil:
			line = "ok " + name
		case unsupported:
			line = fmt.Sprintf("unsupported %s: %s", name, string(problem))
		default:
			debug.PrintStack()
			line = fmt.Sprintf("failed %s: %s", name, strings.ReplaceAll(fmt.Sprintf("%.300v", problem), "\n", " "))
		}
	}()
	scenario()
	return
}

// VersionOf is the pinned version of a module that the program is built with.
func VersionOf(module string) string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	return "unknown"
}
