// hiredis. Debian's 0.14 has neither TLS nor RESP3: it is given a socket (redisConnectFd) behind which tls_socket.c
// speaks TLS.
#include "tls_socket.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

static jmp_buf scenario_failed;
static char reason[512];

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    longjmp(scenario_failed, 1);
}

#define CHECK(condition) ((condition) ? (void)0 : fail("line %d: %s", __LINE__, #condition))

static void pause_ms(long milliseconds) {
    nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000}, NULL);
}

static redisContext* try_connect(const char* port, const char* ca, char* why, size_t why_size) {
    const int descriptor = tls_socket(getenv("PORTAL_HOST"), getenv(port), getenv(ca), why, why_size);
    if (descriptor < 0) {
        return NULL;
    }
    redisContext* context = redisConnectFd(descriptor);
    redisSetTimeout(context, (struct timeval){.tv_sec = 15});
    redisReply* reply = redisCommand(context, "AUTH %s %s", getenv("REDIS_USERNAME"), getenv("REDIS_PASSWORD"));
    if (reply == NULL || reply->type != REDIS_REPLY_STATUS) {
        snprintf(why, why_size, "AUTH: %s", reply != NULL ? reply->str : context->errstr);
        redisFree(context);
        context = NULL;
    }
    freeReplyObject(reply);
    return context;
}

static redisContext* connect_or_fail(const char* port) {
    char why[256];
    redisContext* context = try_connect(port, "CA_FILE", why, sizeof why);
    if (context == NULL) {
        fail("%s", why);
    }
    return context;
}

static redisReply* checked(redisContext* context, redisReply* reply) {
    if (reply == NULL) {
        fail("%s", context->errstr);
    }
    return reply;
}

#define ASK(context, ...) checked(context, redisCommand(context, __VA_ARGS__))

static long long integer(redisReply* reply) {
    if (reply->type != REDIS_REPLY_INTEGER) {
        fail("not an integer: %s", reply->str != NULL ? reply->str : "");
    }
    const long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

/// Does a string, status or error reply say this? Frees it.
static int says(redisReply* reply, const char* text) {
    const int same = reply->str != NULL && strcmp(reply->str, text) == 0;
    freeReplyObject(reply);
    return same;
}

static redisReply* next_reply(redisContext* context) {
    void* reply = NULL;
    if (redisGetReply(context, &reply) != REDIS_OK) {
        fail("%s", context->errstr);
    }
    return reply;
}

static void please(const char* word) {
    char line[16] = "";
    printf("please %s\n", word);
    if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "done\n") != 0) {
        exit(1);  // the driver is gone
    }
}

static redisContext* client;

static void opening(void) {
    redisContext* recorded = connect_or_fail("RECORDING_PORT");
    CHECK(says(ASK(recorded, "PING"), "PONG"));
    redisFree(recorded);
}

static void foreign_ca(void) {
    char why[256];
    CHECK(try_connect("PORTAL_PORT", "FOREIGN_CA_FILE", why, sizeof why) == NULL);
    CHECK(strstr(why, "certificate verify failed") != NULL);
}

static void fill(char* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = (char)i;
    }
}

static void binary_values(void) {
    char all[263];
    fill(all, 256);
    memcpy(all + 256, "\r\n$-1\r\n", 7);
    CHECK(says(ASK(client, "SET %b %b", all, sizeof all, all, sizeof all), "OK"));
    redisReply* reply = ASK(client, "GET %b", all, sizeof all);
    CHECK(reply->len == sizeof all && memcmp(reply->str, all, sizeof all) == 0);
    freeReplyObject(reply);
    CHECK(says(ASK(client, "SET empty %b", "", (size_t)0), "OK"));
    CHECK(says(ASK(client, "GET empty"), ""));
}

static void large_value(void) {
    static char large[1 << 20];
    fill(large, sizeof large);
    CHECK(says(ASK(client, "SET large %b", large, sizeof large), "OK"));
    redisReply* reply = ASK(client, "GET large");
    CHECK(reply->len == sizeof large && memcmp(reply->str, large, sizeof large) == 0);
    freeReplyObject(reply);
}

static void pipeline(void) {
    for (int i = 0; i < 10000; ++i) {
        redisAppendCommand(client, "INCR counter");
    }
    for (int i = 0; i < 10000; ++i) {
        CHECK(integer(next_reply(client)) == i + 1);
    }
}

static void transaction(void) {
    CHECK(says(ASK(client, "SET text abc"), "OK"));
    static const char* const commands[] = {"MULTI", "SET a 1", "INCR a", "INCR text", "GET a"};
    for (int i = 0; i < 5; ++i) {
        CHECK(says(checked(client, redisCommand(client, commands[i])), i == 0 ? "OK" : "QUEUED"));
    }
    redisReply* answers = ASK(client, "EXEC");
    CHECK(answers->elements == 4 && answers->element[1]->integer == 2 && strcmp(answers->element[3]->str, "2") == 0);
    CHECK(answers->element[2]->type == REDIS_REPLY_ERROR);
    freeReplyObject(answers);
}

static void watch_conflict(void) {
    redisContext* another = connect_or_fail("PORTAL_PORT");
    CHECK(says(ASK(client, "WATCH watched"), "OK"));
    CHECK(says(ASK(another, "SET watched another"), "OK"));
    redisFree(another);
    CHECK(says(ASK(client, "MULTI"), "OK"));
    CHECK(says(ASK(client, "SET watched me"), "QUEUED"));
    redisReply* aborted = ASK(client, "EXEC");
    CHECK(aborted->type == REDIS_REPLY_NIL);
    freeReplyObject(aborted);
    CHECK(says(ASK(client, "GET watched"), "another"));
}

/// Does an array reply hold these texts? Frees it.
static int holds(redisReply* reply, size_t count, ...) {
    int same = reply->type == REDIS_REPLY_ARRAY && reply->elements == count;
    va_list texts;
    va_start(texts, count);
    for (size_t i = 0; i < count && same; ++i) {
        same = strcmp(reply->element[i]->str, va_arg(texts, const char*)) == 0;
    }
    va_end(texts);
    freeReplyObject(reply);
    return same;
}

static void pubsub(void) {
    redisContext* listener = connect_or_fail("PORTAL_PORT");
    freeReplyObject(ASK(listener, "SUBSCRIBE news"));
    freeReplyObject(ASK(listener, "PSUBSCRIBE new*"));
    CHECK(integer(ASK(client, "PUBLISH news hello")) == 2);
    CHECK(holds(next_reply(listener), 3, "message", "news", "hello"));
    CHECK(holds(next_reply(listener), 4, "pmessage", "new*", "news", "hello"));
    redisFree(listener);
}

static void* push_later(void* another) {
    pause_ms(300);
    freeReplyObject(redisCommand(another, "RPUSH queue job"));
    redisFree(another);
    return NULL;
}

static void blocking_pop(void) {
    pthread_t pushing;
    pthread_create(&pushing, NULL, push_later, connect_or_fail("PORTAL_PORT"));
    CHECK(holds(ASK(client, "BLPOP queue 10"), 2, "queue", "job"));
    pthread_join(pushing, NULL);
    redisReply* nothing = ASK(client, "BLPOP queue 1");
    CHECK(nothing->type == REDIS_REPLY_NIL);
    freeReplyObject(nothing);
}

static void script(void) {
    static const char source[] = "return {KEYS[1], ARGV[1], tostring(redis.call('INCR', KEYS[1]))}";
    CHECK(holds(ASK(client, "EVAL %s 1 eval x", source), 3, "eval", "x", "1"));
    redisReply* unknown = ASK(client, "EVALSHA %s 0", "0000000000000000000000000000000000000000");
    CHECK(unknown->type == REDIS_REPLY_ERROR && strncmp(unknown->str, "NOSCRIPT", 8) == 0);
    freeReplyObject(unknown);
    redisReply* sha = ASK(client, "SCRIPT LOAD %s", source);
    CHECK(holds(ASK(client, "EVALSHA %s 1 eval y", sha->str), 3, "eval", "y", "2"));
    freeReplyObject(sha);
}

static void scan(void) {
    for (int i = 0; i < 1200; ++i) {
        redisAppendCommand(client, "SET %s:%d 1", i < 1000 ? "scan" : "other", i);
    }
    for (int i = 0; i < 1200; ++i) {
        CHECK(says(next_reply(client), "OK"));
    }
    static char found[1000];
    memset(found, 0, sizeof found);
    char cursor[32] = "0";
    do {
        redisReply* page = ASK(client, "SCAN %s MATCH scan:* COUNT 100", cursor);
        CHECK(page->elements == 2);
        snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
        for (size_t i = 0; i < page->element[1]->elements; ++i) {
            const int number = atoi(page->element[1]->element[i]->str + strlen("scan:"));
            CHECK(number >= 0 && number < 1000);
            found[number] = 1;
        }
        freeReplyObject(page);
    } while (strcmp(cursor, "0") != 0);
    CHECK(memchr(found, 0, sizeof found) == NULL);
}

static void stream_group(void) {
    redisReply* id = ASK(client, "XADD stream * field value");
    CHECK(says(ASK(client, "XGROUP CREATE stream group 0"), "OK"));
    redisReply* read = ASK(client, "XREADGROUP GROUP group consumer STREAMS stream >");
    CHECK(read->type == REDIS_REPLY_ARRAY &&
          strcmp(read->element[0]->element[1]->element[0]->element[0]->str, id->str) == 0);
    freeReplyObject(read);
    CHECK(integer(ASK(client, "XACK stream group %s", id->str)) == 1);
    freeReplyObject(id);
    redisReply* pending = ASK(client, "XPENDING stream group");
    CHECK(pending->elements > 0 && pending->element[0]->integer == 0);
    freeReplyObject(pending);
}

static void leader_killed(void) {
    redisContext* lasting = connect_or_fail("PORTAL_PORT");
    redisContext* listener = connect_or_fail("PORTAL_PORT");
    freeReplyObject(ASK(listener, "SUBSCRIBE lasting"));
    const long long before = integer(ASK(lasting, "CLIENT ID"));
    CHECK(says(ASK(lasting, "SET lasting 1"), "OK"));
    please("kill_leader");
    CHECK(says(ASK(lasting, "GET lasting"), "1"));
    CHECK(integer(ASK(lasting, "INCR lasting")) == 2);
    CHECK(integer(ASK(lasting, "CLIENT ID")) == before);
    // Subscriptions are made again beside the command above, so the first messages may find nobody.
    for (int attempt = 0; integer(ASK(lasting, "PUBLISH lasting here")) == 0; ++attempt) {
        CHECK(attempt < 300);
        pause_ms(50);
    }
    CHECK(holds(next_reply(listener), 3, "message", "lasting", "here"));
    please("count_connections");
    redisFree(lasting);
    redisFree(listener);
}

static void portal_killed(void) {
    // redisReconnect() cannot know how a socket that it was given was made: its user makes another.
    redisContext* shared = connect_or_fail("SHARED_PORT");
    CHECK(says(ASK(shared, "SET shared 1"), "OK"));
    please("kill_portal");
    redisReply* reply = NULL;
    for (int attempt = 0; (reply = redisCommand(shared, "INCR after-the-portal")) == NULL; ++attempt) {
        CHECK(attempt < 300);
        char why[256];
        redisContext* again = try_connect("SHARED_PORT", "CA_FILE", why, sizeof why);
        if (again != NULL) {
            redisFree(shared);
            shared = again;
        }
        pause_ms(50);
    }
    CHECK(integer(reply) > 0);
    CHECK(says(ASK(shared, "GET shared"), "1"));
    redisFree(shared);
}

int main(void) {
    static const struct {
        const char* name;
        void (*run)(void);
    } scenarios[] = {{"opening", opening},
                     {"foreign_ca", foreign_ca},
                     {"binary_values", binary_values},
                     {"large_value", large_value},
                     {"pipeline", pipeline},
                     {"transaction", transaction},
                     {"watch_conflict", watch_conflict},
                     {"pubsub", pubsub},
                     {"blocking_pop", blocking_pop},
                     {"script", script},
                     {"scan", scan},
                     {"stream_group", stream_group},
                     {"leader_killed", leader_killed},
                     {"portal_killed", portal_killed}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    printf("version %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    puts("unsupported resp3: Debian's version speaks RESP2 only");
    puts("unsupported tracking: has no client-side cache");
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; ++i) {
        if (setjmp(scenario_failed) == 0) {
            if (client == NULL) {
                client = connect_or_fail("PORTAL_PORT");
            }
            scenarios[i].run();
            printf("ok %s\n", scenarios[i].name);
        } else {
            printf("failed %s: %s\n", scenarios[i].name, reason);
        }
    }
    return 0;
}
