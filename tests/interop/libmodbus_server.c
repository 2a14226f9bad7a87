/* A Modbus server on libmodbus, for tests: libmodbus_server PORT < TABLES
 *
 * Every line of standard input is "TABLE ADDRESS VALUE", TABLE one of coil, discrete, input, holding.
 * It prints "ready" when it listens on 127.0.0.1:PORT, and serves until it is killed. Where PORT is the path
 * of a serial port, it is unit 1 there: RTU, 19200 8N1.
 */

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

enum { ADDRESSES = 1000 };

static int load(modbus_mapping_t *mapping)
{
    char table[16];
    unsigned address, value;

    while (scanf("%15s %u %u", table, &address, &value) == 3) {
        if (address >= ADDRESSES)
            return -1;
        if (strcmp(table, "coil") == 0)
            mapping->tab_bits[address] = value != 0;
        else if (strcmp(table, "discrete") == 0)
            mapping->tab_input_bits[address] = value != 0;
        else if (strcmp(table, "input") == 0)
            mapping->tab_input_registers[address] = (uint16_t) value;
        else if (strcmp(table, "holding") == 0)
            mapping->tab_registers[address] = (uint16_t) value;
        else
            return -1;
    }
    return 0;
}

/* Answer one request on `socket`; -1 when the connection is over. */
static int answer(modbus_t *context, int socket, modbus_mapping_t *mapping)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    int length;

    modbus_set_socket(context, socket);
    length = modbus_receive(context, request);
    if (length > 0)
        return modbus_reply(context, request, length, mapping);
    return length;
}

static void serve(modbus_t *context, int listener, modbus_mapping_t *mapping)
{
    fd_set known, ready;
    int highest = listener, socket;

    FD_ZERO(&known);
    FD_SET(listener, &known);
    for (;;) {
        ready = known;
        if (select(highest + 1, &ready, NULL, NULL, NULL) == -1)
            return;
        for (socket = 0; socket <= highest; socket++) {
            if (!FD_ISSET(socket, &ready))
                continue;
            if (socket == listener) {
                int peer = listener;
                if (modbus_tcp_accept(context, &peer) == -1)
                    return;
                peer = modbus_get_socket(context);
                FD_SET(peer, &known);
                if (peer > highest)
                    highest = peer;
            } else if (answer(context, socket, mapping) == -1) {
                close(socket);
                FD_CLR(socket, &known);
            }
        }
    }
}

static int serve_on_serial_port(modbus_t *context, modbus_mapping_t *mapping)
{
    uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
    int length;

    if (modbus_set_slave(context, 1) == -1 || modbus_connect(context) == -1)
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        length = modbus_receive(context, request);
        if (length > 0)
            modbus_reply(context, request, length, mapping);
    }
}

int main(int argc, char **argv)
{
    modbus_t *context;
    modbus_mapping_t *mapping;
    int listener;

    if (argc != 2)
        return 2;
    if (argv[1][0] == '/')
        context = modbus_new_rtu(argv[1], 19200, 'N', 8, 1);
    else
        context = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    mapping = modbus_mapping_new(ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES);
    if (context == NULL || mapping == NULL || load(mapping) == -1)
        return 2;
    if (argv[1][0] == '/')
        return serve_on_serial_port(context, mapping);
    listener = modbus_tcp_listen(context, 8);
    if (listener == -1) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    serve(context, listener, mapping);
    return 1;
}
