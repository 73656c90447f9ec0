#ifndef TESTS_UNIT_AUDITOR_LOOPBACK_H
#define TESTS_UNIT_AUDITOR_LOOPBACK_H

/* Sockets of this machine alone; included after cmocka.h. */

#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Somebody who listens, and where. */
static inline int
loopback_listen(uint16_t *port)
{
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);
	int			l = socket(AF_INET, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 16), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return l;
}

/* Two ends of a TCP connection that do not block. */
static inline void
loopback_pair(int fd[2])
{
	struct sockaddr_in	a;
	uint16_t		port;
	int			l = loopback_listen(&port);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(port);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&a, sizeof(a)), 0);
	fd[1] = accept(l, NULL, NULL);
	assert_true(fd[1] >= 0);
	(void)close(l);
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(fd[1], F_SETFL, O_NONBLOCK);
}

#endif
