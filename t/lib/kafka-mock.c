
/*
 * Copyright (C) oof authors
 */


#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/*
 * kafka-mock FILE BROKERS PARTITIONS TOPIC ... : librdkafka's cluster of mock
 * brokers in a process of its own, which speak the real protocol.  Says where
 * they are, and writes what the topics get to FILE, a line a message:
 *
 *     TOPIC PARTITION OFFSET KEY VALUE
 *
 * With 0 brokers it reads from those of KAFKA_SERVERS, which may be real.
 * Commands on standard input: "down N", "up N", "errors CODE COUNT" (of
 * Produce requests), "rtt N MS"; each is answered by "ok".
 */


static rd_kafka_mock_cluster_t  *cluster;


static rd_kafka_t *
make(rd_kafka_type_t type, const char *servers)
{
    char              error[512];
    rd_kafka_t       *rk;
    rd_kafka_conf_t  *conf;

    conf = rd_kafka_conf_new();

    if (servers) {
        rd_kafka_conf_set(conf, "bootstrap.servers", servers, error,
                          sizeof(error));
        rd_kafka_conf_set(conf, "group.id", "oof-test", error, sizeof(error));
        rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", error,
                          sizeof(error));
        rd_kafka_conf_set(conf, "enable.auto.commit", "false", error,
                          sizeof(error));
        rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "500", error,
                          sizeof(error));
        rd_kafka_conf_set(conf, "fetch.wait.max.ms", "50", error,
                          sizeof(error));
        rd_kafka_conf_set(conf, "log_level", "0", error, sizeof(error));
    }

    rk = rd_kafka_new(type, conf, error, sizeof(error));

    if (rk == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }

    return rk;
}


static void
command(char *line)
{
    int   n, v;

    if (sscanf(line, "down %d", &n) == 1) {
        rd_kafka_mock_broker_set_down(cluster, n);

    } else if (sscanf(line, "up %d", &n) == 1) {
        rd_kafka_mock_broker_set_up(cluster, n);

    } else if (sscanf(line, "rtt %d %d", &n, &v) == 2) {
        rd_kafka_mock_broker_set_rtt(cluster, n, v);

    } else if (sscanf(line, "errors %d %d", &n, &v) == 2) {
        while (v--) {
            rd_kafka_mock_push_request_errors(cluster, 0, 1,
                                              (rd_kafka_resp_err_t) n);
        }
    }

    printf("ok\n");
    fflush(stdout);
}


static int
commands(void)
{
    char           *p;
    ssize_t         n;
    struct pollfd   pfd;

    static char     buf[1024];
    static size_t   len;

    pfd.fd = STDIN_FILENO;
    pfd.events = POLLIN;

    if (poll(&pfd, 1, 0) <= 0) {
        return 1;
    }

    n = read(STDIN_FILENO, buf + len, sizeof(buf) - len - 1);

    if (n <= 0) {
        return 0;
    }

    len += n;
    buf[len] = '\0';

    while ((p = strchr(buf, '\n')) != NULL) {
        *p = '\0';
        command(buf);
        len -= p + 1 - buf;
        memmove(buf, p + 1, len + 1);
    }

    return 1;
}


int
main(int argc, char **argv)
{
    int                               i, n, brokers, partitions;
    FILE                             *out;
    const char                       *servers;
    rd_kafka_t                       *rk;
    rd_kafka_message_t               *m;
    rd_kafka_topic_partition_list_t  *list;

    if (argc < 5) {
        return 1;
    }

    out = fopen(argv[1], "w");
    brokers = atoi(argv[2]);
    partitions = atoi(argv[3]);
    servers = getenv("KAFKA_SERVERS");

    if (out == NULL) {
        return 1;
    }

    if (brokers) {
        cluster = rd_kafka_mock_cluster_new(make(RD_KAFKA_PRODUCER, NULL),
                                            brokers);
        servers = rd_kafka_mock_cluster_bootstraps(cluster);
    }

    list = rd_kafka_topic_partition_list_new(8);

    for (i = 4; i < argc; i++) {
        if (brokers) {
            rd_kafka_mock_topic_create(cluster, argv[i], partitions, brokers);
        }

        for (n = 0; n < partitions; n++) {
            rd_kafka_topic_partition_list_add(list, argv[i], n)->offset = 0;
        }
    }

    rk = make(RD_KAFKA_CONSUMER, servers);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_assign(rk, list);

    printf("%s\n", servers);
    fflush(stdout);

    while (commands()) {

        m = rd_kafka_consumer_poll(rk, 20);

        while (m) {
            if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                fprintf(out, "%s %d %ld %.*s %.*s\n",
                        rd_kafka_topic_name(m->rkt), m->partition,
                        (long) m->offset, (int) m->key_len, (char *) m->key,
                        (int) m->len, (char *) m->payload);
            }

            rd_kafka_message_destroy(m);
            m = rd_kafka_consumer_poll(rk, 0);
        }

        fflush(out);
    }

    return 0;
}
