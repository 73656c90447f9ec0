#include "auditor/role/children.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/net/meter.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Connections to one host from one address; more are queued for it.  As many
 * as a log has pages under way: logs that think for 14 s about each give 290
 * entries a second then.  HTTP/2 with as many streams was no faster.
 */
#define HOST_CONNS	16
/*
 * A CA, for 64 orders: HTTP/1.1, because libcurl 7.88 can stall for good with
 * many POSTs at once over one connection of HTTP/2.
 */
#define CA_CONNS	16

/* All of a file of at most ${cap} bytes: 0 or -1. */
static int
slurp(const char *path, size_t cap, struct buf *out)
{
	ssize_t	n = -1;
	int	fd = file_open(path);

	if (fd == -1)
		return -1;
	while (out->n <= cap &&
	    (n = read(fd, buf_room(out, 65536), 65536)) > 0)
		out->n += (size_t)n;
	(void)close(fd);
	return n == 0 ? 0 : -1;
}

/* Roots beside the system's; ${path} NULL: none. */
static int
add_roots(const char *path, const char *key, struct buf *pem, struct err *e)
{
	if (path == NULL)
		return 0;
	if (slurp(path, LIMIT_CA_PEM, pem) == -1)
		return err_set(e, ERR_CONF, "%s: %s cannot be read", key,
		    path);
	buf_u8(pem, '\n');
	return 0;
}

/*
 * What all processes that fetch below this state directory share, so that
 * fetch.max_rate is that of the machine; 0 when there is no cap, or no folder
 * that can be written: then each has it for itself.
 */
static int
open_meter(const struct conf *c, uint64_t rate)
{
	char	*path;
	int	 fd, why;

	if (rate == 0)
		return 0;
	path = mem_printf("%s/fetch.meter", c->state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* it is mapped: a hole where the disk is full would be a SIGBUS */
	why = fd == -1 ? errno : posix_fallocate(fd, 0, METER_SIZE);
	if (why != 0) {
		log_warn(path, "%s: each process keeps fetch.max_rate by "
		    "itself", strerror(why));
		if (fd != -1)
			(void)close(fd);
		fd = 0;
	}
	free(path);
	return fd;
}

struct fetch_client *
children_fetch(const struct conf *c, enum egress_class class, struct err *e)
{
	struct fetch_client	*f;
	struct fetch_setup	 s;
	struct buf		 agent = BUF_INIT, pem = BUF_INIT;
	size_t			 i;

	memset(&s, 0, sizeof(s));
	buf_fmt(&agent, "certvigil/%s (+%s)", CERTVIGIL_VERSION, c->contact);
	s.user_agent = buf_text(&agent);
	if (add_roots(c->fetch_ca_file, "fetch.ca_file", &pem, e) == -1 ||
	    (class == EGRESS_ACME && add_roots(c->acme_ca_file,
	    "acme.ca_file", &pem, e) == -1)) {
		buf_free(&agent);
		buf_free(&pem);
		return NULL;
	}
	s.ca_pem = buf_bytes(&pem);
	for (i = 0; i < c->egress_allow_private.n &&
	    i < LIMIT_EGRESS_NETS; i++)
		s.allow[s.nallow++] = c->egress_allow_private.v[i];
	s.class = class;
	s.max_rate = class == EGRESS_DELIVERY ? 0 :
	    (uint64_t)c->fetch_max_rate;
	s.meter = open_meter(c, s.max_rate);
	s.proxy = "";
	s.host_conns = class == EGRESS_ACME ? CA_CONNS : HOST_CONNS;
	f = fetch_client_new(&s, e);
	buf_free(&agent);
	buf_free(&pem);
	return f;
}

struct probe_client *
children_probe(const struct conf *c, const char *const *also, size_t nalso,
    struct err *e)
{
	struct probe_setup	s;
	size_t			i;

	memset(&s, 0, sizeof(s));
	for (i = 0; i < nalso && s.nallow < LIMIT_EGRESS_NETS; i++)
		s.allow[s.nallow++] = also[i];
	for (i = 0; i < c->egress_allow_private.n &&
	    s.nallow < LIMIT_EGRESS_NETS; i++)
		s.allow[s.nallow++] = c->egress_allow_private.v[i];
	for (i = 0; i < c->audit_resolvers.n &&
	    i < sizeof(s.resolvers) / sizeof(s.resolvers[0]); i++)
		s.resolvers[s.nresolvers++] = c->audit_resolvers.v[i];
	return probe_client_new(&s, e);
}
