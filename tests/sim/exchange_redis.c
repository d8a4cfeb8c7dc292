/* SPDX-License-Identifier: MIT */
#include "exchange.h"

/* clang-format off: a line for each exchange */
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A128 A64 A64
#define A200 A128 A64 "aaaaaaaa"

static const struct exchange redis[] = {
    /* ping, echo, the keyspace */
    EXCHANGE("*1\r\n$4\r\nPING\r\n", "+PONG\r\n"),
    EXCHANGE("*1\r\n$4\r\nping\r\n", "+PONG\r\n"),
    EXCHANGE("*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n", "$2\r\nhi\r\n"),
    EXCHANGE("*3\r\n$4\r\nPING\r\n$1\r\na\r\n$1\r\nb\r\n",
        "-ERR wrong number of arguments for 'ping' command\r\n"),
    EXCHANGE("*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n", "$1\r\nx\r\n"),
    EXCHANGE("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "$0\r\n\r\n"),
    EXCHANGE("*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"),
    EXCHANGE("*1\r\n$4\r\nECHO\r\n", "-ERR wrong number of arguments for 'echo' command\r\n"),
    EXCHANGE("*1\r\n$6\r\nDBSIZE\r\n", ":0\r\n"),
    EXCHANGE("*2\r\n$6\r\nDBSIZE\r\n$1\r\na\r\n",
        "-ERR wrong number of arguments for 'dbsize' command\r\n"),
    EXCHANGE("*1\r\n$8\r\nFLUSHALL\r\n", "+OK\r\n"),
    EXCHANGE("*2\r\n$8\r\nFLUSHALL\r\n$5\r\nASYNC\r\n", "+OK\r\n"),
    EXCHANGE("*2\r\n$8\r\nFLUSHALL\r\n$1\r\nX\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("FLUSHDB\r\nFLUSHDB SYNC\r\nFLUSHDB async\r\n", "+OK\r\n+OK\r\n+OK\r\n"),
    EXCHANGE("FLUSHDB X\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("FLUSHDB ASYNC SYNC\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("SCAN 0\r\n", "*2\r\n$1\r\n0\r\n*0\r\n"),
    EXCHANGE("SET a* 1\r\nSCAN 0 COUNT 5\r\n", "+OK\r\n*2\r\n$1\r\n0\r\n*1\r\n$2\r\na*\r\n"),
    EXCHANGE("SCAN 0 match a\\** count 5\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\na*\r\n"),
    EXCHANGE("SCAN 0 MATCH *a*\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\na*\r\n"),
    EXCHANGE("SCAN 0 MATCH b*\r\n", "*2\r\n$1\r\n0\r\n*0\r\n"),
    EXCHANGE("SCAN 0 MATCH a\r\n", "*2\r\n$1\r\n0\r\n*0\r\n"),
    EXCHANGE("SCAN x\r\n", "-ERR invalid cursor\r\n"),
    EXCHANGE("SCAN 0 FOO 1\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("SCAN 0 COUNT\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("SCAN 0 COUNT 0\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("SCAN 0 COUNT x\r\n", "-ERR value is not an integer or out of range\r\n"),
    EXCHANGE("SCAN\r\n", "-ERR wrong number of arguments for 'scan' command\r\n"),
    EXCHANGE("FLUSHDB\r\nDBSIZE\r\n", "+OK\r\n:0\r\n"),
    /* get, set, del */
    EXCHANGE("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$-1\r\n"),
    EXCHANGE("*1\r\n$3\r\nGET\r\n", "-ERR wrong number of arguments for 'get' command\r\n"),
    EXCHANGE("*3\r\n$3\r\nGET\r\n$1\r\na\r\n$1\r\nb\r\n",
        "-ERR wrong number of arguments for 'get' command\r\n"),
    EXCHANGE("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "+OK\r\n"),
    EXCHANGE("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$1\r\n1\r\n"),
    EXCHANGE(
        "*2\r\n$3\r\nSET\r\n$1\r\na\r\n", "-ERR wrong number of arguments for 'set' command\r\n"),
    EXCHANGE("*3\r\n$3\r\nSET\r\n$1\r\ne\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\ne\r\n",
        "+OK\r\n$0\r\n\r\n"),
    EXCHANGE("*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nNX\r\n", "$-1\r\n"),
    EXCHANGE("*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nXX\r\n", "+OK\r\n"),
    EXCHANGE("*4\r\n$3\r\nSET\r\n$2\r\nnn\r\n$1\r\n2\r\n$2\r\nXX\r\n", "$-1\r\n"),
    EXCHANGE("*6\r\n$3\r\nSET\r\n$2\r\nn1\r\n$1\r\n2\r\n$2\r\nnx\r\n$2\r\npx\r\n$5\r\n90000"
             "\r\n",
        "+OK\r\n"),
    EXCHANGE("*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nNX\r\n$2\r\nXX\r\n",
        "-ERR syntax error\r\n"),
    EXCHANGE("*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$3\r\nFOO\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n$1\r\n0\r\n",
        "-ERR invalid expire time in 'set' command\r\n"),
    EXCHANGE("*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n$2\r\n-1\r\n",
        "-ERR invalid expire time in 'set' command\r\n"),
    EXCHANGE("*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n$3\r\nabc\r\n",
        "-ERR value is not an integer or out of range\r\n"),
    EXCHANGE("*6\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n$3\r\nabc\r\n$3\r\nFOO\r\n"
             "",
        "-ERR syntax error\r\n"),
    EXCHANGE("*7\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n$3\r\n100\r\n$2\r\nEX\r\n"
             "$1\r\n5\r\n",
        "-ERR syntax error\r\n"),
    EXCHANGE("*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nEX\r\n$19\r\n9223372036854775807"
             "\r\n",
        "-ERR invalid expire time in 'set' command\r\n"),
    EXCHANGE("*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n$2\r\nPX\r\n$19\r\n9223372036854775807"
             "\r\n",
        "-ERR invalid expire time in 'set' command\r\n"),
    EXCHANGE("*2\r\n$4\r\nPTTL\r\n$1\r\na\r\n*2\r\n$4\r\nPTTL\r\n$2\r\nnn\r\n", ":-1\r\n:-2\r\n"),
    EXCHANGE("*2\r\n$3\r\nDEL\r\n$1\r\na\r\n", ":1\r\n"),
    EXCHANGE("*4\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\ne\r\n$1\r\ne\r\n", ":1\r\n"),
    EXCHANGE("*1\r\n$3\r\nDEL\r\n", "-ERR wrong number of arguments for 'del' command\r\n"),
    /* a value of another type */
    EXCHANGE("*3\r\n$5\r\nLPUSH\r\n$1\r\nl\r\n$1\r\nx\r\n", ":1\r\n"),
    EXCHANGE("*2\r\n$3\r\nGET\r\n$1\r\nl\r\n",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
    EXCHANGE("*3\r\n$3\r\nSET\r\n$1\r\ns\r\n$1\r\nx\r\n*3\r\n$5\r\nLPUSH\r\n$1\r\ns\r\n$1\r\n"
             "x\r\n",
        "+OK\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
    EXCHANGE("*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$1\r\nx\r\n*2\r\n$3\r\nGET\r\n$1\r\nl\r\n",
        "+OK\r\n$1\r\nx\r\n"),
    /* databases */
    EXCHANGE("*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$2\r\nd1\r\n$1\r\nx\r\n*1"
             "\r\n$6\r\nDBSIZE\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$3\r\nGET\r\n$2\r\nd1"
             "\r\n",
        "+OK\r\n+OK\r\n:1\r\n+OK\r\n$-1\r\n"),
    EXCHANGE("*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n", "+OK\r\n"),
    EXCHANGE("*2\r\n$6\r\nSELECT\r\n$2\r\n16\r\n", "-ERR DB index is out of range\r\n"),
    EXCHANGE("*2\r\n$6\r\nSELECT\r\n$2\r\n-1\r\n", "-ERR DB index is out of range\r\n"),
    EXCHANGE(
        "*2\r\n$6\r\nSELECT\r\n$1\r\nx\r\n", "-ERR value is not an integer or out of range\r\n"),
    EXCHANGE("*1\r\n$6\r\nSELECT\r\n", "-ERR wrong number of arguments for 'select' command\r\n"),
    /* credentials nobody asked for */
    EXCHANGE("*1\r\n$4\r\nAUTH\r\n", "-ERR wrong number of arguments for 'auth' command\r\n"),
    EXCHANGE("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n",
        "-ERR AUTH <password> called without any password configured for the default user. Are "
        "you sure your configuration is correct?\r\n"),
    EXCHANGE("*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\nx\r\n",
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    EXCHANGE("*4\r\n$4\r\nAUTH\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", "-ERR syntax error\r\n"),
    /* clients */
    EXCHANGE("*1\r\n$6\r\nCLIENT\r\n", "-ERR wrong number of arguments for 'client' command\r\n"),
    EXCHANGE("*2\r\n$6\r\nCLIENT\r\n$3\r\nFOO\r\n",
        "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n"),
    EXCHANGE("*3\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n$1\r\nx\r\n",
        "-ERR wrong number of arguments for 'client|id' command\r\n"),
    EXCHANGE("*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$6\r\n999999\r\n", ":0\r\n"),
    EXCHANGE("*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\nx\r\n",
        "-ERR client-id should be greater than 0\r\n"),
    EXCHANGE("*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\n0\r\n",
        "-ERR client-id should be greater than 0\r\n"),
    EXCHANGE("*5\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\n5\r\n$4\r\nADDR\r\n",
        "-ERR syntax error\r\n"),
    EXCHANGE("*6\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\n5\r\n$4\r\nADDR\r\n$3\r\n"
             "1:2\r\n",
        ":0\r\n"),
    EXCHANGE(
        "*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$3\r\nFOO\r\n$1\r\n5\r\n", "-ERR syntax error\r\n"),
    EXCHANGE("*3\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$9\r\n1.2.3.4:5\r\n", "-ERR No such client\r\n"),
    EXCHANGE("*2\r\n$4\r\nINFO\r\n$7\r\nnothing\r\n", "$0\r\n\r\n"),
    EXCHANGE_LAST("*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n", "+OK\r\n"),
    /* unknown commands */
    EXCHANGE("*1\r\n$3\r\nFOO\r\n", "-ERR unknown command 'FOO', with args beginning with: \r\n"),
    EXCHANGE("*3\r\n$3\r\nFOO\r\n$1\r\na\r\n$2\r\nbb\r\n",
        "-ERR unknown command 'FOO', with args beginning with: 'a' 'bb' \r\n"),
    EXCHANGE("*3\r\n$3\r\nfoo\r\n$200\r\n" A200 "\r\n$1\r\nb\r\n",
        "-ERR unknown command 'foo', with args beginning with: '" A128 "' \r\n"),
    EXCHANGE("*2\r\n$3\r\nfoo\r\n$4\r\na\r\nb\r\n",
        "-ERR unknown command 'foo', with args beginning with: 'a  b' \r\n"),
    EXCHANGE("*1\r\n$0\r\n\r\n", "-ERR unknown command '', with args beginning with: \r\n"),
    EXCHANGE("+OK\r\n", "-ERR unknown command '+OK', with args beginning with: \r\n"),
    EXCHANGE(":1\r\n", "-ERR unknown command ':1', with args beginning with: \r\n"),
    EXCHANGE("$3\r\nabc\r\n",
        "-ERR unknown command '$3', with args beginning with: \r\n-ERR unknown command 'abc', "
        "with args beginning with: \r\n"),
    /* inline commands */
    EXCHANGE("PING\r\n", "+PONG\r\n"),
    EXCHANGE("PING\n", "+PONG\r\n"),
    EXCHANGE("  PING   hi \r\n", "$2\r\nhi\r\n"),
    EXCHANGE("get a\r\n", "$-1\r\n"),
    EXCHANGE("\r\n", ""),
    EXCHANGE("\n", ""),
    EXCHANGE_LAST("\"x\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    EXCHANGE_LAST("GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""),
    EXCHANGE_LAST("POST / HTTP/1.1\r\n", ""),
    /* the frame */
    EXCHANGE("*0\r\n", ""),
    EXCHANGE("*-1\r\n", ""),
    EXCHANGE("*1048577\r\n", ""),
    EXCHANGE("*10\r\n$0\r\n\r\n", ""),
    EXCHANGE("*1\r\n$4\r\nPINGXX*1\r\n$4\r\nPING\r\n", "+PONG\r\n+PONG\r\n"),
    EXCHANGE_LAST("*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
    EXCHANGE_LAST("*01\r\n$4\r\nPING\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
    EXCHANGE_LAST("*+1\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
    EXCHANGE_LAST("*2147483648\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
    EXCHANGE_LAST("*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
    EXCHANGE_LAST("*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
    EXCHANGE_LAST("*1\r\n$04\r\nPING\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
    EXCHANGE_LAST("*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
    EXCHANGE_LAST("*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"),
    EXCHANGE_LAST("*1\r\n+OK\r\n", "-ERR Protocol error: expected '$', got '+'\r\n"),
    EXCHANGE_LAST("*1\r\n$4\r\nPING\r\n*1\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
        "+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n"),
    /* numbers at their limits, quotes */
    EXCHANGE(
        "EXPIRE a 18446744073709551616\r\n", "-ERR value is not an integer or out of range\r\n"),
    EXCHANGE(
        "EXPIRE a 9223372036854775808\r\n", "-ERR value is not an integer or out of range\r\n"),
    EXCHANGE("SCAN 99999999999999999999\r\n", "-ERR invalid cursor\r\n"),
    EXCHANGE("FLUSHALL\r\nSCAN 18446744073709551615\r\n", "+OK\r\n*2\r\n$1\r\n0\r\n*0\r\n"),
    EXCHANGE_LAST("*1\r\n\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"),
    EXCHANGE_LAST("*1\r\n\nx\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"),
    EXCHANGE_LAST("ECHO 'a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    EXCHANGE("SET a 1 XX NX\r\nSET a 1 NX XX\r\n", "-ERR syntax error\r\n-ERR syntax error\r\n"),
    EXCHANGE("LPUSH l a\r\nLPUSH l b c\r\nSET s 1\r\nLPUSH s a\r\n",
        ":1\r\n:3\r\n+OK\r\n"
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
    EXCHANGE("INFO nothing\r\n", "$0\r\n\r\n"),
    EXCHANGE("CLIENT KILL\r\n", "-ERR wrong number of arguments for 'client|kill' command\r\n"),
};
const struct exchange_table exchange_redis = EXCHANGE_TABLE(redis);

static const struct exchange redis_auth[] = {
    /* nothing before AUTH */
    EXCHANGE("*1\r\n$4\r\nPING\r\n", "-NOAUTH Authentication required.\r\n"),
    EXCHANGE("PING\r\n", "-NOAUTH Authentication required.\r\n"),
    EXCHANGE("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "-NOAUTH Authentication required.\r\n"),
    EXCHANGE("*1\r\n$3\r\nGET\r\n", "-ERR wrong number of arguments for 'get' command\r\n"),
    EXCHANGE("*1\r\n$3\r\nFOO\r\n", "-ERR unknown command 'FOO', with args beginning with: \r\n"),
    EXCHANGE("*2\r\n$4\r\nECHO\r\n$1\r\na\r\n", "-NOAUTH Authentication required.\r\n"),
    EXCHANGE("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", "-NOAUTH Authentication required.\r\n"),
    EXCHANGE("*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n", "-NOAUTH Authentication required.\r\n"),
    EXCHANGE_LAST("*1\r\n$4\r\nQUIT\r\n", "+OK\r\n"),
    /* AUTH */
    EXCHANGE("*1\r\n$4\r\nAUTH\r\n", "-ERR wrong number of arguments for 'auth' command\r\n"),
    EXCHANGE("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n",
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    EXCHANGE("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n", "+OK\r\n+PONG\r\n"),
    EXCHANGE("*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n",
        "+OK\r\n+PONG\r\n"),
    EXCHANGE("*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$6\r\nsecret\r\n",
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    EXCHANGE("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n*1\r\n$4\r\n"
             "PING\r\n",
        "+OK\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n+PONG\r\n"),
    /* smaller frames for strangers */
    EXCHANGE("*10\r\n", ""),
    EXCHANGE_LAST("*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"),
    EXCHANGE_LAST("*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"),
};
const struct exchange_table exchange_redis_auth = EXCHANGE_TABLE(redis_auth);
