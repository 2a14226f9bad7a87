/* A client on libmodbus: one connection, or a thread for each of many. Its options and its JSON line are those
 * of bench/contenders/ask.py. */
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { CONNECTIONS = 100, WARM_UP = 1600 };
static long each, errors;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static void *repeat(void *connection) {
    uint16_t v[125]; long bad = 0;
    for (long i = 0; i < each; i++)
        if (modbus_read_registers(connection, 0, 125, v) != 125 || v[0] != 0 || v[124] != 124) bad++;
    __atomic_add_fetch(&errors, bad, __ATOMIC_RELAXED);
    return 0;
}
static void work(modbus_t **c, int n, long reads) {
    pthread_t t[CONNECTIONS];
    each = reads / n;
    if (n == 1) { repeat(c[0]); return; }
    for (int i = 0; i < n; i++) pthread_create(&t[i], 0, repeat, c[i]);
    for (int i = 0; i < n; i++) pthread_join(t[i], 0);
}
int main(int argc, char **argv) {
    int port = 0, n = 1; double seconds = 1; const char *mode = "one";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--port")) port = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--mode")) mode = argv[i + 1];
        if (!strcmp(argv[i], "--seconds")) seconds = atof(argv[i + 1]);
    }
    if (!strcmp(mode, "outstanding")) { fprintf(stderr, "libmodbus has one request in flight at most\n"); return 1; }
    if (!strcmp(mode, "connections")) n = CONNECTIONS;
    modbus_t *c[CONNECTIONS];
    for (int i = 0; i < n; i++) {
        c[i] = modbus_new_tcp("127.0.0.1", port); modbus_set_slave(c[i], 1);
        if (modbus_connect(c[i])) { fprintf(stderr, "connect: %s\n", modbus_strerror(errno)); return 1; }
    }
    double t = now();
    work(c, n, WARM_UP);
    long reads = (long)(seconds / (now() - t) + 0.5) * WARM_UP;
    if (reads < WARM_UP) reads = WARM_UP;
    double c0 = cpu(), t0 = now();
    work(c, n, reads);
    double wall = now() - t0, used = cpu() - c0;
    if (errors) { fprintf(stderr, "%ld wrong answers\n", errors); return 1; }
    printf("{\"rate\": %.1f, \"cpu\": %.3f, \"reads\": %ld}\n", reads / wall, used * 1e6 / reads, reads);
    return 0;
}
