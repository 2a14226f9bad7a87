/* sink.c - a small, very fast epoll Modbus TCP server over flat arrays.
 *
 *   sink --port P [--host 127.0.0.1] [--size 10000] [--moving]
 *
 * Single thread, any number of connections and of pipelined requests; function
 * codes 1-6, 15, 16, 23, exceptions 1 (function), 2 (address), 3 (value); every
 * unit id. Starts with register[i] == i and coil[i] == i & 1. It is what clients
 * are measured against, and the 'limit' row of the server tables. With --moving, reads of registers
 * give floats between 200 and 250 that are others each time, as those of meters are. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct conn { int fd, nin, nout, off; uint8_t *out, in[264]; };
static uint16_t reg[2][65536];          /* big endian, holding and input */
static uint8_t bit[2][65536];           /* coils and discrete inputs */
static int size = 10000, ep, moving;
static uint8_t pool[1 << 16];           /* floats, big endian */

static unsigned g16(const uint8_t *p) { return p[0] << 8 | p[1]; }

static void fill_pool(void) {
    for (unsigned i = 0, k = 1; i < sizeof pool; i += 4) {
        k = k * 1664525u + 1013904223u;
        union { float f; uint32_t u; } v = {.f = 200.0f + (k >> 8) * (50.0f / (1 << 24))};
        for (int b = 0; b < 4; b++) pool[i + b] = v.u >> (24 - 8 * b);
    }
}
static unsigned next_place(void) { static unsigned k; return (k += 4 * 67) % (sizeof pool - 256) & ~3u; }

/* request pdu p of n bytes -> response pdu r, returns its length */
static int serve(const uint8_t *p, int n, uint8_t *r) {
    int fc = p[0], ex = 0; unsigned a = n >= 3 ? g16(p + 1) : 0, q = n >= 5 ? g16(p + 3) : 0;
    r[0] = fc;
    switch (fc) {
    case 1: case 2:
        if (n != 5 || q < 1 || q > 2000) { ex = 3; break; }
        if (a + q > (unsigned)size) { ex = 2; break; }
        r[1] = (q + 7) / 8; memset(r + 2, 0, r[1]);
        for (unsigned i = 0; i < q; i++) r[2 + i / 8] |= bit[fc - 1][a + i] << (i & 7);
        return 2 + r[1];
    case 3: case 4:
        if (n != 5 || q < 1 || q > 125) { ex = 3; break; }
        if (a + q > (unsigned)size) { ex = 2; break; }
        r[1] = 2 * q; memcpy(r + 2, moving ? (uint16_t *)(pool + next_place()) : &reg[fc - 3][a], 2 * q);
        return 2 + 2 * q;
    case 5:
        if (n != 5 || (q != 0 && q != 0xFF00)) { ex = 3; break; }
        if (a >= (unsigned)size) { ex = 2; break; }
        bit[0][a] = q != 0; memcpy(r, p, 5); return 5;
    case 6:
        if (n != 5) { ex = 3; break; }
        if (a >= (unsigned)size) { ex = 2; break; }
        memcpy(&reg[0][a], p + 3, 2); memcpy(r, p, 5); return 5;
    case 15:
        if (n < 6 || q < 1 || q > 1968 || p[5] != (q + 7) / 8 || n != 6 + p[5]) { ex = 3; break; }
        if (a + q > (unsigned)size) { ex = 2; break; }
        for (unsigned i = 0; i < q; i++) bit[0][a + i] = p[6 + i / 8] >> (i & 7) & 1;
        memcpy(r, p, 5); return 5;
    case 16:
        if (n < 6 || q < 1 || q > 123 || p[5] != 2 * q || n != 6 + p[5]) { ex = 3; break; }
        if (a + q > (unsigned)size) { ex = 2; break; }
        memcpy(&reg[0][a], p + 6, 2 * q); memcpy(r, p, 5); return 5;
    case 23: {
        unsigned wa = n >= 10 ? g16(p + 5) : 0, wq = n >= 10 ? g16(p + 7) : 0;
        if (n < 10 || q < 1 || q > 125 || wq < 1 || wq > 121 || p[9] != 2 * wq || n != 10 + p[9]) { ex = 3; break; }
        if (a + q > (unsigned)size || wa + wq > (unsigned)size) { ex = 2; break; }
        memcpy(&reg[0][wa], p + 10, 2 * wq);
        r[1] = 2 * q; memcpy(r + 2, &reg[0][a], 2 * q); return 2 + 2 * q; }
    default: ex = 1;
    }
    r[0] = fc | 0x80; r[1] = ex; return 2;
}
static void arm(struct conn *c, int op, uint32_t ev) { struct epoll_event e = {.events = ev, .data.ptr = c}; epoll_ctl(ep, op, c->fd, &e); }
static void bye(struct conn *c) { close(c->fd); free(c->out); free(c); }

static void readable(struct conn *c) {
    static uint8_t buf[4096 + 264], out[400 * 264];
    memcpy(buf, c->in, c->nin);
    ssize_t r = recv(c->fd, buf + c->nin, 4096, 0);
    if (r < 0 && errno == EAGAIN) return;
    if (r <= 0) { bye(c); return; }
    int n = c->nin + r, i = 0, w = 0;
    while (n - i >= 8) {
        unsigned len = g16(buf + i + 4);
        if (g16(buf + i + 2) || len < 2 || len > 254) { bye(c); return; }
        if (n - i < (int)(6 + len)) break;
        int k = serve(buf + i + 7, len - 1, out + w + 7);
        memcpy(out + w, buf + i, 4); out[w + 4] = (k + 1) >> 8; out[w + 5] = k + 1; out[w + 6] = buf[i + 6];
        w += 7 + k; i += 6 + len;
    }
    c->nin = n - i; memcpy(c->in, buf + i, c->nin);
    if (!w) return;
    ssize_t k = send(c->fd, out, w, MSG_NOSIGNAL);
    if (k < 0 && errno != EAGAIN) { bye(c); return; }
    if (k < 0) k = 0;
    if (k < w) { c->out = malloc(w - k); memcpy(c->out, out + k, w - k); c->nout = w - k; c->off = 0; arm(c, EPOLL_CTL_MOD, EPOLLOUT); }
}
static void writable(struct conn *c) {
    ssize_t k = send(c->fd, c->out + c->off, c->nout - c->off, MSG_NOSIGNAL);
    if (k < 0) { if (errno != EAGAIN) bye(c); return; }
    if ((c->off += k) == c->nout) { free(c->out); c->out = 0; c->nout = 0; arm(c, EPOLL_CTL_MOD, EPOLLIN); }
}
int main(int argc, char **argv) {
    const char *host = "127.0.0.1"; int port = 0, one = 1;
    static struct option lo[] = {{"host",1,0,'h'},{"port",1,0,'p'},{"size",1,0,'s'},{"moving",0,0,'m'},{0,0,0,0}};
    for (int ch; (ch = getopt_long(argc, argv, "", lo, 0)) != -1;) switch (ch) {
        case 'h': host = optarg; break; case 'p': port = atoi(optarg); break; case 's': size = atoi(optarg); break; case 'm': moving = 1; fill_pool(); break; default: return 2; }
    for (int i = 0; i < 65536; i++) { reg[0][i] = reg[1][i] = htons(i); bit[0][i] = bit[1][i] = i & 1; }
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)}; inet_pton(AF_INET, host, &sa.sin_addr);
    int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(ls, (void *)&sa, sizeof sa) || listen(ls, 4096)) { perror("sink"); return 1; }
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = 0}, ev[256]; epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
    for (;;) {
        int n = epoll_wait(ep, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (!c) { int fd; while ((fd = accept4(ls, 0, 0, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c); c->fd = fd; arm(c, EPOLL_CTL_ADD, EPOLLIN); } }
            else if (c->nout) writable(c);
            else readable(c);
        }
    }
}
