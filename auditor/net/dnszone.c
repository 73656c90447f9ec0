#include "auditor/net/dnszone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auditor/net/dnsask.h"
#include "auditor/net/dnsmsg.h"
#include "auditor/net/dnsupdate.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/mem.h"

#define TYPE_SOA	6
#define TYPE_TXT	16
#define KNOWN_US	(600 * CLK_SEC)

enum state { FOLLOW, SOA, ENDED };

struct dnszone {
	struct dnsservers	*at;	/* borrowed */
	enum state		 state;
	struct dnsask		*ask;
	struct dnszone_place	 place;
	size_t			 up;	/* where in place.name is asked */
	struct err		 why;
};

static void
end(struct dnszone *z)
{
	dnsask_free(z->ask);
	z->ask = NULL;
	z->state = ENDED;
}

static void
ask_soa(struct dnszone *z, int64_t now)
{
	dnsask_free(z->ask);
	z->state = SOA;
	z->ask = dnsask_new(z->at, z->place.name + z->up, TYPE_SOA, 0, now);
}

struct dnszone *
dnszone_new(struct dnsservers *lookup, struct dnsservers *at,
    const char *name, int64_t now)
{
	struct dnszone	*z = mem_zero(sizeof(*z));

	z->at = at;
	if (strlen(name) >= sizeof(z->place.name)) {
		(void)err_set(&z->why, ERR_FORMAT, "\"%.80s\" is no name that "
		    "DNS could know", name);
		z->state = ENDED;
		return z;
	}
	memcpy(z->place.name, name, strlen(name) + 1);
	if (lookup == NULL) {
		ask_soa(z, now);
		return z;
	}
	z->state = FOLLOW;
	z->ask = dnsask_new(lookup, name, TYPE_TXT, 0, now);
	return z;
}

void
dnszone_free(struct dnszone *z)
{
	if (z == NULL)
		return;
	end(z);
	free(z);
}

int
dnszone_fd(const struct dnszone *z)
{
	return z->ask != NULL ? dnsask_fd(z->ask) : -1;
}

short
dnszone_events(const struct dnszone *z)
{
	return z->ask != NULL ? dnsask_events(z->ask) : 0;
}

int64_t
dnszone_when(const struct dnszone *z)
{
	return z->ask != NULL ? dnsask_when(z->ask) : 0;
}

/* What stands in the way of an answer: 0 nothing, -1 why is set. */
static int
usable(struct dnszone *z, const struct probe_said *s, const char *name)
{
	char	text[16];

	if (!s->ok)
		return err_set(&z->why, ERR_NET, "looking up %.120s: %s",
		    name, s->message);
	if (s->rcode == DNSMSG_NOERROR || s->rcode == DNSMSG_NXDOMAIN)
		return 0;
	if (z->state == SOA && (s->rcode == 5 || s->rcode == 9))
		return err_set(&z->why, ERR_CONF, "%s has no zone in which "
		    "%.120s lies (%s): name its primary server", s->resolver,
		    z->place.name, dnsupdate_rcode(s->rcode, text));
	return err_set(&z->why, ERR_TEMP, "looking up %.120s: %s answers %s",
	    name, s->resolver, dnsupdate_rcode(s->rcode, text));
}

static void
followed(struct dnszone *z, const struct probe_said *s, int64_t now)
{
	const char	*owner = dnsask_owner(z->ask);

	if (usable(z, s, z->place.name) != 0) {
		end(z);
		return;
	}
	if (strlen(owner) >= sizeof(z->place.name)) {
		(void)err_set(&z->why, ERR_FORMAT, "%.120s is a CNAME to a "
		    "name that is too long", z->place.name);
		end(z);
		return;
	}
	memcpy(z->place.name, owner, strlen(owner) + 1);
	ask_soa(z, now);
}

/* ${zone} is a real zone, and ${name} lies in it. */
static int
holds(const char *zone, const char *name)
{
	size_t	z = strlen(zone), n = strlen(name);

	return z > 0 && strcmp(zone, ".") != 0 && n >= z &&
	    strcasecmp(name + n - z, zone) == 0 &&
	    (n == z || name[n - z - 1] == '.');
}

/* An answer to the question for the SOA: the zone, or one label up. */
static void
found(struct dnszone *z, const struct probe_said *s, int64_t now)
{
	const char	*name = z->place.name + z->up, *dot;
	const char	*owner = dnsask_owner(z->ask);
	const char	*zone = s->n > 0 ? owner : dnsask_soa(z->ask);

	if (usable(z, s, name) != 0) {
		end(z);
		return;
	}
	if (z->up == 0 && strcasecmp(owner, name) != 0) {
		(void)err_set(&z->why, ERR_CONF, "%s has a CNAME at %.120s to "
		    "%.120s: the value must be written there, on the server "
		    "that has it", s->resolver, name, owner);
		end(z);
		return;
	}
	if (holds(zone, z->place.name)) {
		memcpy(z->place.zone, zone, strlen(zone) + 1);
		end(z);
		return;
	}
	if ((dot = strchr(name, '.')) != NULL) {
		z->up = (size_t)(dot + 1 - z->place.name);
		ask_soa(z, now);
		return;
	}
	(void)err_set(&z->why, ERR_CONF, "%s has no zone in which %.120s "
	    "lies: name its primary server", s->resolver, z->place.name);
	end(z);
}

int
dnszone_turn(struct dnszone *z, int64_t now)
{
	struct probe_said	*s;

	s = z->state == ENDED ? NULL : mem_zero(sizeof(*s));
	while (z->state != ENDED && dnsask_turn(z->ask, now)) {
		dnsask_said(z->ask, s);
		if (z->state == FOLLOW)
			followed(z, s, now);
		else
			found(z, s, now);
	}
	free(s);
	return z->state == ENDED;
}

int
dnszone_result(const struct dnszone *z, struct dnszone_place *p,
    struct err *e)
{
	if (z->why.code != ERR_NONE)
		return err_set(e, z->why.code, "%s", z->why.msg);
	*p = z->place;
	return 0;
}

static int
is_key(const char *key, const char *server, const char *name)
{
	size_t	n = strlen(server);

	return key != NULL && strncmp(key, server, n) == 0 &&
	    key[n] == ' ' && strcasecmp(key + n + 1, name) == 0;
}

int
dnszone_recall(const struct dnszone_known *k, const char *server,
    const char *name, int64_t now, struct dnszone_place *p)
{
	size_t	i;

	for (i = 0; i < LIMIT_DNS_ZONES; i++) {
		if (!is_key(k->v[i].key, server, name) ||
		    k->v[i].until <= now)
			continue;
		*p = k->v[i].place;
		return 1;
	}
	return 0;
}

void
dnszone_remember(struct dnszone_known *k, const char *server,
    const char *name, int64_t now, const struct dnszone_place *p)
{
	size_t	i;

	for (i = 0; i < LIMIT_DNS_ZONES; i++)
		if (is_key(k->v[i].key, server, name))
			break;
	if (i == LIMIT_DNS_ZONES) {
		i = k->next;
		k->next = (k->next + 1) % LIMIT_DNS_ZONES;
		free(k->v[i].key);
		k->v[i].key = mem_printf("%s %s", server, name);
	}
	k->v[i].place = *p;
	k->v[i].until = now + KNOWN_US;
}

void
dnszone_forget(struct dnszone_known *k)
{
	size_t	i;

	for (i = 0; i < LIMIT_DNS_ZONES; i++)
		free(k->v[i].key);
	memset(k, 0, sizeof(*k));
}
