/* A client on libmodbus, for tests: libmodbus_client PORT; a path is a serial port: RTU, 19200 8N1.
 *
 * Every line of standard input is a JSON list as for modbus_serial_client.js: the name of a function without
 * "modbus_", and numbers. What it gives, or {"exception": code}, is printed as a line of JSON.
 */

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 2000 };

static int numbers[MOST], given;
static uint8_t bits[MOST];
static uint16_t words[MOST];

/* Take `line` apart into its name, which is given, and `numbers`. */
static const char *taken_apart(char *line)
{
    char *part = strtok(line, "[]\", \n");
    const char *name = part;

    given = 0;
    while ((part = strtok(NULL, "[]\", \n")) != NULL && given < MOST)
        numbers[given++] = atoi(part);
    return name ? name : "";
}

static void print_list(int count, int as_bits)
{
    int n;

    printf("[");
    for (n = 0; n < count; n++)
        printf("%s%d", n ? ", " : "", as_bits ? bits[n] : words[n]);
    puts("]");
}

static void print_end(int done)
{
    if (done == -1 && errno > MODBUS_ENOBASE && errno < EMBBADCRC)
        printf("{\"exception\": %d}\n", errno - MODBUS_ENOBASE);
    else if (done == -1)
        printf("{\"error\": \"%s\"}\n", modbus_strerror(errno));
    else
        printf("%d\n", done);
}

static void carry_out(modbus_t *context, const char *name)
{
    int n, done = -1, is_read = strncmp(name, "read_", 5) == 0, of_bits = strstr(name, "bits") != NULL;

    errno = EINVAL;
    for (n = 2; n < given; n++) {
        bits[n - 2] = (uint8_t) numbers[n];
        words[n - 2] = (uint16_t) numbers[n];
    }
    if (strcmp(name, "read_bits") == 0)
        done = modbus_read_bits(context, numbers[0], numbers[1], bits);
    else if (strcmp(name, "read_input_bits") == 0)
        done = modbus_read_input_bits(context, numbers[0], numbers[1], bits);
    else if (strcmp(name, "read_registers") == 0)
        done = modbus_read_registers(context, numbers[0], numbers[1], words);
    else if (strcmp(name, "read_input_registers") == 0)
        done = modbus_read_input_registers(context, numbers[0], numbers[1], words);
    else if (strcmp(name, "write_bit") == 0)
        done = modbus_write_bit(context, numbers[0], numbers[1]);
    else if (strcmp(name, "write_register") == 0)
        done = modbus_write_register(context, numbers[0], (uint16_t) numbers[1]);
    else if (strcmp(name, "write_bits") == 0)
        done = modbus_write_bits(context, numbers[0], numbers[1], bits);
    else if (strcmp(name, "write_registers") == 0)
        done = modbus_write_registers(context, numbers[0], numbers[1], words);
    else if (strcmp(name, "mask_write_register") == 0)
        done = modbus_mask_write_register(context, numbers[0], (uint16_t) numbers[1], (uint16_t) numbers[2]);
    else if (strcmp(name, "write_and_read_registers") == 0) {
        done = modbus_write_and_read_registers(context, numbers[2], given - 3, words + 1, numbers[0], numbers[1],
                                               words);
        is_read = done != -1;
    } else if (strcmp(name, "report_slave_id") == 0) {
        done = modbus_report_slave_id(context, MOST, bits);
        is_read = of_bits = done != -1;
    }
    if (is_read && done != -1)
        print_list(done, of_bits);
    else
        print_end(done);
}

int main(int argc, char **argv)
{
    char line[8 * MOST];
    modbus_t *context;

    if (argc != 2)
        return 2;
    if (argv[1][0] == '/')
        context = modbus_new_rtu(argv[1], 19200, 'N', 8, 1);
    else
        context = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (context == NULL || modbus_set_slave(context, 1) == -1 || modbus_connect(context) == -1)
        return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        carry_out(context, taken_apart(line));
        fflush(stdout);
    }
    modbus_close(context);
    modbus_free(context);
    return 0;
}
