<?php
// phpredis, the extension. Its subscribe() blocks, so who publishes or listens meanwhile is a process of its own.
declare(strict_types=1);

const WAIT = 15.0; // seconds for what happens in well under one

final class Unsupported extends Exception {}

function connect(string $port = 'PORTAL_PORT', string $ca = 'CA_FILE'): Redis
{
    $redis = new Redis();
    $tls = ['cafile' => getenv($ca), 'verify_peer' => true, 'verify_peer_name' => true];
    if (!$redis->connect('tls://' . getenv('PORTAL_HOST'), (int) getenv($port), 5.0, null, 0, WAIT, ['stream' => $tls])) {
        throw new RedisException('cannot connect');
    }
    $redis->auth([getenv('REDIS_USERNAME'), getenv('REDIS_PASSWORD')]);
    return $redis;
}

function equal(mixed $expected, mixed $found): void
{
    if ($expected !== $found) {
        throw new Exception(substr('expected ' . json_encode($expected) . ', found ' . json_encode($found), 0, 300));
    }
}

function please(string $word): void
{
    echo "please $word\n";
    equal("done\n", fgets(STDIN));
}

function until(string $what, callable $attempt): void
{
    for ($end = microtime(true) + WAIT; !$attempt(); usleep(20000)) {
        if (microtime(true) > $end) {
            throw new Exception("$what: not within " . WAIT . ' s');
        }
    }
}

/** Runs the action in a process of its own; it is killed by calling what is returned. */
function meanwhile(callable $action): callable
{
    $child = pcntl_fork();
    if ($child === 0) {
        try {
            $action();
        } finally {
            posix_kill(posix_getpid(), SIGKILL); // neither scenarios nor destructors of the parent may run here
        }
    }
    return function () use ($child): void {
        posix_kill($child, SIGKILL);
        pcntl_waitpid($child, $status);
    };
}

/** Listens in a process of its own: a stream with the arguments of each call of the callback, and what ends it. */
function listen(string $method, string $name): array
{
    [$here, $there] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, STREAM_IPPROTO_IP);
    $stop = meanwhile(fn() => connect()->$method([$name], function (Redis $from, string ...$heard) use ($there): void {
        fwrite($there, json_encode($heard) . "\n");
    }));
    return [$here, $stop];
}

function last_line($stream): string
{
    return rtrim((string) fgets($stream), "\n");
}

function all_bytes(): string
{
    return implode('', array_map('chr', range(0, 255)));
}

$scenarios = [
    'opening' => function (): void {
        $recorded = connect('RECORDING_PORT');
        equal(true, $recorded->ping());
        $recorded->close();
    },
    'foreign_ca' => function (): void {
        $warnings = ''; // which say why; the exception does not
        set_error_handler(function (int $level, string $message) use (&$warnings): bool {
            $warnings .= $message;
            return true;
        });
        try {
            connect('PORTAL_PORT', 'FOREIGN_CA_FILE');
        } catch (RedisException) {
            equal(true, str_contains($warnings, 'certificate verify failed'));
            return;
        } finally {
            restore_error_handler();
        }
        throw new Exception('accepted');
    },
    'binary_values' => function (): void {
        $redis = connect();
        $all = all_bytes() . "\r\n$-1\r\n";
        $redis->set($all, $all);
        equal(true, $redis->get($all) === $all);
        $redis->set('empty', '');
        equal('', $redis->get('empty'));
    },
    'large_value' => function (): void {
        $redis = connect();
        $large = str_repeat(all_bytes(), 4096);
        $redis->set('large', $large);
        equal(true, $redis->get('large') === $large);
    },
    'pipeline' => function (): void {
        $pipe = connect()->pipeline();
        for ($i = 0; $i < 10000; ++$i) {
            $pipe->incr('counter');
        }
        equal(true, $pipe->exec() === range(1, 10000));
    },
    'transaction' => function (): void {
        $redis = connect();
        $redis->set('text', 'abc');
        equal([true, 2, false, '2'], $redis->multi()->set('a', 1)->incr('a')->incr('text')->get('a')->exec());
    },
    'watch_conflict' => function (): void {
        $watching = connect();
        $watching->watch('watched');
        $another = connect();
        $another->set('watched', 'by another');
        equal(false, $watching->multi()->set('watched', 'by me')->exec());
        equal('by another', $another->get('watched'));
    },
    'pubsub' => function (): void {
        $redis = connect();
        [$heard, $stop] = listen('subscribe', 'news');
        [$heard_too, $stop_too] = listen('psubscribe', 'new*');
        until('both listen', fn() => $redis->publish('news', 'hello') === 2);
        equal('["news","hello"]', last_line($heard));
        equal('["new*","news","hello"]', last_line($heard_too));
        $stop();
        $stop_too();
    },
    'blocking_pop' => function (): void {
        $stop = meanwhile(function (): void {
            usleep(300000);
            connect()->rPush('queue', 'job');
        });
        $redis = connect();
        equal(['queue', 'job'], $redis->blPop(['queue'], 10));
        $stop();
        equal([], $redis->blPop(['queue'], 1));
    },
    'script' => function (): void {
        $redis = connect();
        $source = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
        equal(['eval', 'x', 1], $redis->eval($source, ['eval', 'x'], 1));
        equal(false, $redis->evalSha(str_repeat('0', 40)));
        equal(0, strpos($redis->getLastError(), 'NOSCRIPT'));
        $sha = $redis->script('load', "$source -- loaded");
        equal(['eval', 'y', 2], $redis->evalSha($sha, ['eval', 'y'], 1));
    },
    'scan' => function (): void {
        $redis = connect();
        $pipe = $redis->pipeline();
        for ($i = 0; $i < 1200; ++$i) {
            $pipe->set(($i < 1000 ? 'scan:' : 'other:') . $i, $i);
        }
        $pipe->exec();
        $redis->setOption(Redis::OPT_SCAN, (string) Redis::SCAN_RETRY);
        $found = [];
        $cursor = null;
        while ($keys = $redis->scan($cursor, 'scan:*', 100)) {
            $found += array_flip($keys);
        }
        equal(1000, count($found));
    },
    'stream_group' => function (): void {
        $redis = connect();
        $id = $redis->xAdd('stream', '*', ['field' => 'value']);
        $redis->xGroup('CREATE', 'stream', 'group', '0');
        equal(['stream' => [$id => ['field' => 'value']]], $redis->xReadGroup('group', 'consumer', ['stream' => '>']));
        equal(1, $redis->xAck('stream', 'group', [$id]));
        equal(0, $redis->xPending('stream', 'group')[0]);
    },
    'resp3' => fn() => throw new Unsupported('speaks RESP2 only'),
    'tracking' => fn() => throw new Unsupported('has no client-side cache'),
    'leader_killed' => function (): void {
        $lasting = connect();
        [$heard, $stop] = listen('subscribe', 'lasting');
        until('a listener', fn() => $lasting->publish('lasting', 'before') === 1);
        equal('["lasting","before"]', last_line($heard));
        $before = $lasting->client('id');
        $lasting->set('lasting', 1);
        please('kill_leader');
        equal('1', $lasting->get('lasting'));
        equal(2, $lasting->incr('lasting'));
        equal($before, $lasting->client('id'));
        stream_set_timeout($heard, 0, 50000);
        until("a message after the leader's death", function () use ($lasting, $heard): bool {
            $lasting->publish('lasting', 'still here');
            return last_line($heard) === '["lasting","still here"]';
        });
        please('count_connections');
        $stop();
    },
    'portal_killed' => function (): void {
        $shared = connect('SHARED_PORT');
        $shared->set('shared', 1);
        please('kill_portal');
        until('an answer by the other portal', function () use ($shared): bool {
            try {
                return $shared->incr('after the portal') > 0;
            } catch (RedisException) {
                return false;
            }
        });
        equal('1', $shared->get('shared'));
    },
];

echo 'version ', phpversion('redis'), "\n";
foreach ($scenarios as $name => $scenario) {
    try {
        $scenario();
        echo "ok $name\n";
    } catch (Unsupported $reason) {
        echo "unsupported $name: {$reason->getMessage()}\n";
    } catch (Throwable $error) {
        fwrite(STDERR, "$error\n");
        echo "failed $name: ", strtr($error->getMessage(), "\n", ' '), "\n";
    }
}
