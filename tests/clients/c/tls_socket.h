// A plain socket for libraries without TLS: what is written to it leaves over verified TLS, by a thread of its own.
#ifndef TLS_SOCKET_H
#define TLS_SOCKET_H

/// A connected socket, or -1 with the reason in `why`. The thread ends when either side closes.
int tls_socket(const char* host, const char* port, const char* ca_file, char* why, unsigned long why_size);

#endif
