/* loadgen.c - closed-loop epoll load generator for Modbus TCP servers.
 *
 *   loadgen --port P [--host 127.0.0.1] [--connections 1] [--pipeline 1]
 *           [--seconds 2] [--warmup 0.3] [--requests 0] [--fc 3|1|16|23|mix]
 *           [--count 125] [--unit 1] [--table 10000] [--timeout 1.0]
 *           [--connect-rate 2000] [--connect-wait 8] [--no-data-check]
 *
 * Opens N connections (paced, so that a small listen backlog is not punished),
 * then keeps D requests in flight on each of them for S seconds (or until
 * --requests answers have come). Every answer is checked: transaction id is one
 * of those in flight on that connection, protocol id 0, unit id, function code,
 * MBAP length, byte count / echoed fields, and the first and last value. The
 * contract for the data is register[i] == i and coil[i] == i & 1 in every table;
 * the writes write just those values, so that it stays true.
 *
 * Answers may come in any order (the protocol allows it). A connection whose
 * oldest request is older than --timeout is closed, its requests in flight are
 * counted as lost, and it is opened anew; a dropped connection too.
 * Prints one JSON line. Only correct, non-exception answers count as requests;
 * 'total' counts those of the warm-up too. Closed loop: a stalled server shows as
 * low throughput and lost requests rather than in the percentiles. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLOSED, CONNECTING, OPEN };
struct slot { uint64_t t; uint16_t tid, addr, qty; uint8_t fc, busy; };
struct conn {
    int fd, state, inflight, nin, nout, off, served, reopened;
    uint16_t tid;
    uint32_t k;                 /* requests built, picks address and function */
    uint64_t since;             /* when connecting began */
    struct slot *slots;
    uint8_t *out, in[512];      /* bytes not yet sent; start of an unfinished answer */
};

static struct { const char *host; int port, conns, depth, count, unit, table, fc, mix, check; long requests;
    double seconds, warmup, timeout, rate, wait; } o =
    {"127.0.0.1", 0, 1, 1, 125, 1, 10000, 3, 0, 1, 0, 2.0, 0.3, 1.0, 2000, 8.0};
static struct { long ok, total, exceptions, bad_tid, bad_pid, bad_unit, bad_fc, bad_len, bad_data,
    lost, drops, refused, reconnects, reordered; } s;
#define HB 64                   /* histogram: 64 linear steps per power of two, in ns */
static uint64_t hist[64 * HB];
static struct sockaddr_in addr;
static int ep, running, connected;

static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static void put16(uint8_t *p, unsigned v) { p[0] = v >> 8; p[1] = v; }
static unsigned get16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static int hidx(uint64_t v) { if (v < HB) return v; int e = 63 - __builtin_clzll(v); return (e - 5) * HB + ((v >> (e - 6)) & (HB - 1)); }
static double hval(int i) { if (i < HB) return i; int e = i / HB + 5; return ((double)(HB + i % HB) + 0.5) * (double)(1ull << (e - 6)); }
static double pct(double q) {
    uint64_t n = 0, c = 0; for (int i = 0; i < 64 * HB; i++) n += hist[i];
    if (!n) return 0;
    for (int i = 0; i < 64 * HB; i++) if ((c += hist[i]) >= q * n) return hval(i) / 1000;
    return 0;
}

static void arm(struct conn *c, int op, uint32_t ev) { struct epoll_event e = {.events = ev, .data.ptr = c}; epoll_ctl(ep, op, c->fd, &e); }

static void begin_connect(struct conn *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) { s.refused++; return; }
    int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->state = CONNECTING; c->since = now(); c->nin = c->nout = c->off = c->inflight = 0;
    memset(c->slots, 0, o.depth * sizeof *c->slots);
    if (connect(c->fd, (void *)&addr, sizeof addr) && errno != EINPROGRESS) { s.refused++; close(c->fd); c->state = CLOSED; return; }
    arm(c, EPOLL_CTL_ADD, EPOLLOUT);
}
static void drop(struct conn *c) {              /* close, and open anew at most 20 times */
    close(c->fd); c->state = CLOSED;
    if (running && c->reopened++ < 20) { s.reconnects++; begin_connect(c); }
}
static int flush(struct conn *c) {
    while (c->off < c->nout) {
        ssize_t n = send(c->fd, c->out + c->off, c->nout - c->off, MSG_NOSIGNAL);
        if (n < 0) { if (errno == EAGAIN) { arm(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT); return 0; }
            s.drops++; s.lost += c->inflight; drop(c); return -1; }
        c->off += n;
    }
    c->off = c->nout = 0; return 0;
}
/* append one request to the out buffer */
static void build(struct conn *c, struct slot *sl, uint64_t t) {
    static const int cyc[4] = {3, 1, 16, 23};
    uint8_t *p = c->out + c->nout; int n = 0, q = o.count;
    int fc = o.mix ? cyc[c->k & 3] : o.fc;
    if (fc == 16 && q > 123) q = 123;
    int a = (int)(c->k++ * 2u % (unsigned)(o.table - q)) & ~1;
    put16(p, c->tid); put16(p + 2, 0); p[6] = o.unit; p[7] = fc; put16(p + 8, a); put16(p + 10, q);
    if (fc == 16) { p[12] = 2 * q; n = 13 + 2 * q; for (int i = 0; i < q; i++) put16(p + 13 + 2 * i, a + i); }
    else if (fc == 23) { int w = q > 121 ? 121 : q; put16(p + 12, a); put16(p + 14, w); p[16] = 2 * w; n = 17 + 2 * w;
        for (int i = 0; i < w; i++) put16(p + 17 + 2 * i, a + i); }
    else n = 12;
    put16(p + 4, n - 6); c->nout += n;
    *sl = (struct slot){t, c->tid++, a, q, fc, 1}; c->inflight++;
}
static void fill(struct conn *c, uint64_t t) {
    for (int i = 0; i < o.depth && c->inflight < o.depth; i++) if (!c->slots[i].busy) build(c, &c->slots[i], t);
}
/* one whole frame p of n bytes; 0 = go on, -1 = connection unusable */
static int answer(struct conn *c, const uint8_t *p, int n, uint64_t t) {
    struct slot *sl = 0; unsigned tid = get16(p); uint64_t oldest = ~0ull;
    for (int i = 0; i < o.depth; i++) if (c->slots[i].busy && c->slots[i].tid == tid) { sl = &c->slots[i]; break; }
    if (!sl) { s.bad_tid++; return 0; }
    if (o.depth > 1) { for (int i = 0; i < o.depth; i++) if (c->slots[i].busy && (uint16_t)(tid - c->slots[i].tid) - 1u < 0x7fff) oldest = 0; if (!oldest) s.reordered++; }
    sl->busy = 0; c->inflight--;
    if (p[6] != o.unit) { s.bad_unit++; return 0; }
    if (p[7] == (sl->fc | 0x80)) { if (n != 9) { s.bad_len++; return -1; } s.exceptions++; c->served = 1; return 0; }
    if (p[7] != sl->fc) { s.bad_fc++; return 0; }
    int q = sl->qty, body = sl->fc == 1 ? (q + 7) / 8 : 2 * q;
    if (sl->fc == 16) { if (n != 12) { s.bad_len++; return -1; } if (get16(p + 8) != sl->addr || get16(p + 10) != (unsigned)q) { s.bad_data++; return 0; } }
    else {
        if (n != 9 + body || p[8] != body) { s.bad_len++; return n != 9 + body ? -1 : 0; }
        if (o.check && (sl->fc == 1 ? q >= 8 && p[9] != 0xAA : get16(p + 9) != sl->addr || get16(p + n - 2) != (unsigned)sl->addr + q - 1)) { s.bad_data++; return 0; }
    }
    s.ok++; s.total++; c->served = 1; hist[hidx(t - sl->t)]++;
    return 0;
}
static void readable(struct conn *c) {
    static uint8_t buf[65536 + 512];
    memcpy(buf, c->in, c->nin);
    ssize_t r = recv(c->fd, buf + c->nin, 65536, 0);
    if (r < 0 && errno == EAGAIN) return;
    if (r <= 0) { s.drops++; s.lost += c->inflight; drop(c); return; }
    int n = c->nin + r, i = 0; uint64_t t = now();
    while (n - i >= 9) {
        int len = get16(buf + i + 4);
        if (get16(buf + i + 2)) { s.bad_pid++; s.lost += c->inflight; drop(c); return; }
        if (len < 3 || len > 254) { s.bad_len++; s.lost += c->inflight; drop(c); return; }
        if (n - i < 6 + len) break;
        if (answer(c, buf + i, 6 + len, t) < 0) { s.lost += c->inflight; drop(c); return; }
        i += 6 + len;
    }
    c->nin = n - i; memcpy(c->in, buf + i, c->nin);
    if (running && !c->nout) { fill(c, t); flush(c); }
}

int main(int argc, char **argv) {
    static struct option lo[] = {{"host",1,0,'h'},{"port",1,0,'p'},{"connections",1,0,'c'},{"pipeline",1,0,'d'},{"seconds",1,0,'s'},
        {"warmup",1,0,'w'},{"fc",1,0,'f'},{"count",1,0,'q'},{"unit",1,0,'u'},{"table",1,0,'t'},{"timeout",1,0,'o'},
        {"connect-rate",1,0,'r'},{"connect-wait",1,0,'a'},{"no-data-check",0,0,'n'},{"requests",1,0,'k'},{0,0,0,0}};
    for (int ch; (ch = getopt_long(argc, argv, "", lo, 0)) != -1;) switch (ch) {
        case 'h': o.host = optarg; break; case 'p': o.port = atoi(optarg); break; case 'c': o.conns = atoi(optarg); break;
        case 'd': o.depth = atoi(optarg); break; case 's': o.seconds = atof(optarg); break; case 'w': o.warmup = atof(optarg); break;
        case 'f': if (!strcmp(optarg, "mix")) o.mix = 1; else o.fc = atoi(optarg); break; case 'q': o.count = atoi(optarg); break;
        case 'u': o.unit = atoi(optarg); break; case 't': o.table = atoi(optarg); break; case 'o': o.timeout = atof(optarg); break;
        case 'r': o.rate = atof(optarg); break; case 'a': o.wait = atof(optarg); break; case 'n': o.check = 0; break;
        case 'k': o.requests = atol(optarg); break; default: return 2; }
    if (!o.port || o.conns < 1 || o.depth < 1 || o.depth > 1024 || o.count < 1 || o.count > 125 || o.seconds > 120) { fprintf(stderr, "bad options, see the head of loadgen.c\n"); return 2; }
    addr.sin_family = AF_INET; addr.sin_port = htons(o.port); inet_pton(AF_INET, o.host, &addr.sin_addr);
    if ((ntohl(addr.sin_addr.s_addr) >> 24) != 127) { fprintf(stderr, "loopback addresses only\n"); return 2; }
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    ep = epoll_create1(0);
    struct conn *C = calloc(o.conns, sizeof *C);
    for (int i = 0; i < o.conns; i++) { C[i].slots = calloc(o.depth, sizeof(struct slot)); C[i].out = malloc(o.depth * 264); C[i].tid = i * 257; C[i].k = i * 7; }

    struct epoll_event ev[512]; int started = 0, warm = 0; uint64_t t0 = now(), tc = 0, t1 = 0, tend = 0, scan = 0;
    for (;;) {
        uint64_t t = now();
        if (!t1) {                              /* phase 1: connect, paced */
            while (started < o.conns && started < (t - t0) / 1e9 * o.rate + 1) begin_connect(&C[started++]);
            if ((started == o.conns && connected == o.conns) || (t - t0) / 1e9 > o.wait) {
                fprintf(stderr, "connected %d\n", connected);    /* from here on the CPU of the server counts */
                tc = t - t0; running = 1; t1 = t + o.warmup * 1e9; tend = t1 + o.seconds * 1e9; scan = t;
                for (int i = 0; i < o.conns; i++) if (C[i].state == OPEN) { fill(&C[i], t); flush(&C[i]); }
            }
        } else if (t >= tend || (o.requests && s.ok >= o.requests)) break;
        else {
            if (t >= t1 && !warm) { warm = 1; s.ok = 0; s.reordered = 0; memset(hist, 0, sizeof hist); }  /* warm-up over */
            if (t - scan > 100000000ull) { scan = t;
                for (int i = 0; i < o.conns; i++) if (C[i].state == OPEN && C[i].inflight) for (int j = 0; j < o.depth; j++)
                    if (C[i].slots[j].busy && t - C[i].slots[j].t > o.timeout * 1e9) { s.lost += C[i].inflight; drop(&C[i]); break; } }
        }
        int n = epoll_wait(ep, ev, 512, t1 ? 20 : 1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (c->state == CONNECTING) {
                int e = 0; socklen_t l = sizeof e; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
                if (e) { s.refused++; close(c->fd); c->state = CLOSED; continue; }
                c->state = OPEN; if (!running) connected++; arm(c, EPOLL_CTL_MOD, EPOLLIN);
                if (running) { fill(c, now()); flush(c); }
            } else if (c->state == OPEN) {
                if (ev[i].events & EPOLLOUT) { if (flush(c) < 0) continue; if (!c->nout) arm(c, EPOLL_CTL_MOD, EPOLLIN); }
                if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
            }
        }
    }
    double el = (now() - t1) / 1e9; running = 0;
    int served = 0, open_end = 0; for (int i = 0; i < o.conns; i++) { served += C[i].served; open_end += C[i].state == OPEN; }
    struct rusage ru; getrusage(RUSAGE_SELF, &ru);
    double cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
    long errs = s.bad_tid + s.bad_pid + s.bad_unit + s.bad_fc + s.bad_len + s.bad_data + s.lost + s.drops + s.refused;
    printf("{\"requests\":%ld,\"total\":%ld,\"seconds\":%.3f,\"rps\":%.1f,\"errors\":%ld,\"exceptions\":%ld,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
        "\"connected\":%d,\"served\":%d,\"open_at_end\":%d,\"connect_s\":%.3f,\"loadgen_cpu_s\":%.3f,"
        "\"bad_tid\":%ld,\"bad_pid\":%ld,\"bad_unit\":%ld,\"bad_fc\":%ld,\"bad_len\":%ld,\"bad_data\":%ld,\"lost\":%ld,\"drops\":%ld,\"refused\":%ld,\"reconnects\":%ld,\"reordered\":%ld}\n",
        s.ok, s.total, el, s.ok / el, errs, s.exceptions, pct(.5), pct(.99), pct(.999), connected, served, open_end, tc / 1e9, cpu,
        s.bad_tid, s.bad_pid, s.bad_unit, s.bad_fc, s.bad_len, s.bad_data, s.lost, s.drops, s.refused, s.reconnects, s.reordered);
    return 0;
}
