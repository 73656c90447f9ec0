#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/mem.h"
#include "tests/rig/lib/tlsconn.h"

enum { IDLE_SECS = 60, STALL_MS = 3600 * 1000, LINE = 1024 };

/* One connection: first plain, then TLS over buffers in memory. */
struct conn {
	struct tlsep	*t;
	int		 fd;
	struct tls_lie	 lies[TLS_LIES];
	struct tls_offer *offer;
	SSL		*ssl;		/* NULL: plain */
	BIO		*in, *out;	/* borrowed by ssl */
	char		 line[LINE];	/* what was read of a line */
	size_t		 n;
};

static void
stall(const struct conn *c)
{
	struct pollfd p = { c->fd, POLLRDHUP, 0 };

	(void)poll(&p, 1, STALL_MS);
}

static int
put(int fd, const void *data, size_t n)
{
	const uint8_t *p = data;
	ssize_t k;

	while (n > 0) {
		k = send(fd, p, n, MSG_NOSIGNAL);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* So many bytes a second. */
static int
drip(const struct conn *c, const uint8_t *p, size_t n)
{
	long rate = c->lies[TLS_SLOW].n < 1 ? 1 : c->lies[TLS_SLOW].n;
	struct timespec ts = { rate == 1, rate == 1 ? 0 : 1000000000 / rate };

	for (; n > 0; n--) {
		if (put(c->fd, p++, 1) == -1)
			return -1;
		nanosleep(&ts, NULL);
	}
	return 0;
}

/* Send what TLS has to say. */
static int
flush(struct conn *c)
{
	char *p;
	long n = BIO_get_mem_data(c->out, &p);
	int rc;

	if (n <= 0)
		return 0;
	if (c->lies[TLS_STALL].on) {	/* mode=mid: half of the first flight */
		(void)put(c->fd, p, (size_t)n / 2);
		stall(c);
		return -1;
	}
	rc = c->lies[TLS_SLOW].on ? drip(c, (uint8_t *)p, (size_t)n) :
	    put(c->fd, p, (size_t)n);
	(void)BIO_reset(c->out);
	return rc;
}

/* Give TLS what has come; -1 when nothing more comes. */
static int
fill(struct conn *c)
{
	uint8_t b[16384];
	ssize_t k;

	do
		k = recv(c->fd, b, sizeof(b), 0);
	while (k == -1 && errno == EINTR);
	return k > 0 && BIO_write(c->in, b, (int)k) == k ? 0 : -1;
}

static int
handshake(struct conn *c)
{
	int k;

	c->ssl = SSL_new(c->offer->ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	if (c->ssl == NULL || c->in == NULL || c->out == NULL)
		abort();
	SSL_set_bio(c->ssl, c->in, c->out);
	for (;;) {
		k = SSL_accept(c->ssl);
		if (flush(c) == -1)
			return -1;
		if (k == 1)
			return 0;
		if (SSL_get_error(c->ssl, k) != SSL_ERROR_WANT_READ ||
		    fill(c) == -1)
			return -1;
	}
}

static int
read_byte(struct conn *c, char *b)
{
	int k;

	if (c->ssl == NULL)
		return recv(c->fd, b, 1, 0) == 1 ? 0 : -1;
	while ((k = SSL_read(c->ssl, b, 1)) != 1)
		if (SSL_get_error(c->ssl, k) != SSL_ERROR_WANT_READ ||
		    flush(c) == -1 || fill(c) == -1)
			return -1;
	return 0;
}

/* The next line, without its end; NULL when there is none. */
static const char *
get_line(struct conn *c)
{
	char b;

	for (c->n = 0; c->n < LINE - 1; c->line[c->n++] = b)
		if (read_byte(c, &b) == -1)
			return NULL;
		else if (b == '\n')
			break;
	if (c->n > 0 && c->line[c->n - 1] == '\r')
		c->n--;
	c->line[c->n] = '\0';
	return c->line;
}

static int
say(struct conn *c, const char *text)
{
	if (c->ssl == NULL)
		return put(c->fd, text, strlen(text));
	return SSL_write(c->ssl, text, (int)strlen(text)) <= 0 ? -1 :
	    flush(c);
}

/* A greeting without end. */
static void
long_banner(struct conn *c, const char *line)
{
	long n;

	for (n = c->lies[TLS_BANNER].n; n > 0 && say(c, line) == 0;)
		n--;
}

/* SMTP up to and behind STARTTLS (RFC 3207); 1 when TLS is to begin. */
static int
smtp(struct conn *c)
{
	int offered = c->ssl == NULL && !c->lies[TLS_NOSTARTTLS].on;
	const char *l;

	if (c->ssl == NULL) {
		if (c->lies[TLS_BANNER].on)
			long_banner(c, "220-mail.rig.example says much\r\n");
		(void)say(c, "220 mail.rig.example ESMTP\r\n");
	}
	while ((l = get_line(c)) != NULL)
		if (strncasecmp(l, "EHLO", 4) == 0)
			(void)say(c, offered ? "250-mail.rig.example\r\n"
			    "250-SIZE 1000000\r\n250 STARTTLS\r\n" :
			    "250-mail.rig.example\r\n250 SIZE 1000000\r\n");
		else if (strcasecmp(l, "STARTTLS") == 0 && offered) {
			if (!c->lies[TLS_REFUSE].on)
				return say(c, c->lies[TLS_INJECT].on ?
				    "220 go ahead\r\n250 injected\r\n" :
				    "220 go ahead\r\n") == 0;
			(void)say(c, "454 TLS not available\r\n");
		} else if (strcasecmp(l, "QUIT") == 0) {
			(void)say(c, "221 bye\r\n");
			return 0;
		} else
			(void)say(c, strncasecmp(l, "HELO", 4) == 0 ||
			    strcasecmp(l, "NOOP") == 0 ?
			    "250 mail.rig.example\r\n" :
			    "502 not implemented\r\n");
	return 0;
}

/* A tagged answer of IMAP. */
static void
tagged(struct conn *c, const char *line, const char *text)
{
	char *s = mem_printf("%.*s %s\r\n", (int)strcspn(line, " "), line,
	    text);

	(void)say(c, s);
	free(s);
}

/* The same for IMAP (RFC 9051, 6.2.1). */
static int
imap(struct conn *c)
{
	int offered = c->ssl == NULL && !c->lies[TLS_NOSTARTTLS].on;
	const char *caps = offered ?
	    "CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED" :
	    "CAPABILITY IMAP4rev1", *l, *verb;
	char text[128];

	if (c->ssl == NULL) {
		if (c->lies[TLS_BANNER].on)
			long_banner(c, "* OK still here\r\n");
		(void)snprintf(text, sizeof(text), "* OK [%s] rig\r\n", caps);
		(void)say(c, text);
	}
	(void)snprintf(text, sizeof(text), "* %s\r\n", caps);
	while ((l = get_line(c)) != NULL) {
		verb = l + strcspn(l, " ");
		verb += *verb == ' ';
		if (strcasecmp(verb, "CAPABILITY") == 0) {
			(void)say(c, text);
			tagged(c, l, "OK done");
		} else if (strcasecmp(verb, "STARTTLS") == 0 && offered &&
		    !c->lies[TLS_REFUSE].on) {
			tagged(c, l, c->lies[TLS_INJECT].on ?
			    "OK begin\r\n* OK injected" : "OK begin");
			return 1;
		} else if (strcasecmp(verb, "LOGOUT") == 0) {
			(void)say(c, "* BYE\r\n");
			tagged(c, l, "OK done");
			return 0;
		} else
			tagged(c, l, strcasecmp(verb, "NOOP") == 0 ?
			    "OK done" : "BAD not here");
	}
	return 0;
}

/* HTTP/1.0, so that browsers and curl see something. */
static void
http(struct conn *c)
{
	const char *l;

	while ((l = get_line(c)) != NULL && l[0] != '\0')
		continue;
	if (l != NULL)
		(void)say(c, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"
		    "\r\nok\n");
}

/* The dialogue at a level; 1 when TLS is to begin. */
static int
talk(struct conn *c)
{
	if (strcmp(c->t->starttls, "smtp") == 0)
		return smtp(c);
	if (strcmp(c->t->starttls, "imap") == 0)
		return imap(c);
	if (c->ssl != NULL)
		http(c);
	return 1;
}

/* What is no TLS at all; 1 when one of these was told. */
static int
no_tls(struct conn *c)
{
	struct linger hard = { 1, 0 };
	uint8_t alert[7] = { 21, 3, 3, 0, 2, 2, 0 }, *p;
	size_t n;

	if (c->lies[TLS_STALL].on && strcmp(c->lies[TLS_STALL].mode,
	    "mid") != 0)
		stall(c);
	else if (c->lies[TLS_RESET].on)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
	else if (c->lies[TLS_PLAIN].on)
		(void)say(c, "HTTP/1.0 400 Bad Request\r\n\r\nno TLS here\n");
	else if (c->lies[TLS_GARBAGE].on) {
		n = (size_t)c->lies[TLS_GARBAGE].n;
		p = mem_zero(n);
		if (RAND_bytes(p, (int)n) == 1)
			(void)put(c->fd, p, n);
		free(p);
	} else if (c->lies[TLS_ALERT].on) {
		alert[6] = (uint8_t)c->lies[TLS_ALERT].n;
		(void)put(c->fd, alert, sizeof(alert));
	} else if (!c->lies[TLS_EOF].on)
		return 0;
	return 1;
}

static void
done(struct conn *c)
{
	const char *name = SSL_get_servername(c->ssl,
	    TLSEXT_NAMETYPE_host_name);

	pthread_mutex_lock(&c->t->lock);
	c->t->handshakes++;
	(void)snprintf(c->t->last_sni, sizeof(c->t->last_sni), "%s",
	    name == NULL ? "" : name);
	pthread_mutex_unlock(&c->t->lock);
}

static void *
run(void *arg)
{
	struct conn *c = arg;

	tlsep_tell(c->t, c->lies);
	c->offer = tlsep_hold(c->t);
	if (talk(c) && !no_tls(c) && handshake(c) == 0) {
		done(c);
		(void)talk(c);
		(void)SSL_shutdown(c->ssl);
		(void)flush(c);
	}
	if (c->ssl != NULL)
		SSL_free(c->ssl);
	tlsep_drop(c->offer);
	close(c->fd);
	free(c);
	return NULL;
}

void
tlsconn_start(struct tlsep *t, int fd)
{
	struct timeval idle = { IDLE_SECS, 0 };
	struct conn *c = mem_zero(sizeof(*c));
	pthread_attr_t a;
	pthread_t thread;
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
	c->t = t;
	c->fd = fd;
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &a, run, c) != 0) {
		close(fd);
		free(c);
	}
	pthread_attr_destroy(&a);
}
