#include "auditor/net/dnsupdate.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auditor/net/dnsmsg.h"
#include "base/err.h"
#include "base/limit.h"

#define FLAG_QR		0x8000u
#define OPCODE		0x7800u
#define OPCODE_UPDATE	0x2800u		/* 5, RFC 2136 section 1.3 */
#define STRING_MAX	255u

/* ${name} is ${zone} or lies below it. */
static int
inside(const char *name, const char *zone)
{
	size_t	n = strlen(name), z = strlen(zone);

	return n >= z && strcasecmp(name + n - z, zone) == 0 &&
	    (n == z || name[n - z - 1] == '.');
}

static int
value_ok(const char *v, struct err *e)
{
	const char	*p;

	if (strlen(v) > LIMIT_DNS_VALUE)
		return err_set(e, ERR_LIMIT, "the value has %zu bytes; a TXT "
		    "record gets at most %u", strlen(v), LIMIT_DNS_VALUE);
	for (p = v; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return err_set(e, ERR_FORMAT, "the value for the TXT "
			    "record is not printable ASCII");
	return 0;
}

/* The data of a TXT record, with its length: strings of 255 bytes. */
static void
add_value(struct buf *b, const char *v)
{
	size_t	n = strlen(v), strings = (n + STRING_MAX - 1) / STRING_MAX;
	size_t	take;

	if (strings == 0)
		strings = 1;
	buf_u16(b, (uint16_t)(n + strings));
	while (strings-- > 0) {
		take = n < STRING_MAX ? n : STRING_MAX;
		buf_u8(b, (uint8_t)take);
		buf_add(b, v, take);
		v += take;
		n -= take;
	}
}

/* The one record of the update section, or of the prerequisites. */
static int
add_record(struct buf *b, const struct dnsupdate *u, struct err *e)
{
	int	add = u->what == DNSUPDATE_ADD;

	if (u->what == DNSUPDATE_KEY) {
		if (dnsmsg_name(b, u->zone, e) != 0)
			return -1;
		buf_u16(b, ns_t_soa);
		buf_u16(b, ns_c_any);
		buf_u32(b, 0);
		buf_u16(b, 0);
		return 0;
	}
	if (dnsmsg_name(b, u->name, e) != 0)
		return -1;
	buf_u16(b, ns_t_txt);
	buf_u16(b, add ? ns_c_in : ns_c_none);
	buf_u32(b, add ? u->ttl : 0);
	add_value(b, u->what == DNSUPDATE_MAY ? DNSUPDATE_NOBODY : u->value);
	return 0;
}

int
dnsupdate_pack(struct buf *b, uint16_t id, const struct dnsupdate *u,
    struct err *e)
{
	int	key = u->what == DNSUPDATE_KEY;

	if (!key && !inside(u->name, u->zone))
		return err_set(e, ERR_FORMAT, "%.120s does not lie in zone "
		    "%.120s", u->name, u->zone);
	if (!key && u->what != DNSUPDATE_MAY && value_ok(u->value, e) != 0)
		return -1;
	buf_reset(b);
	buf_u16(b, id);
	buf_u16(b, OPCODE_UPDATE);
	buf_u16(b, 1);			/* zone */
	buf_u16(b, key ? 1 : 0);	/* prerequisites */
	buf_u16(b, key ? 0 : 1);	/* updates */
	buf_u16(b, 0);
	if (dnsmsg_name(b, u->zone, e) != 0)
		return -1;
	buf_u16(b, ns_t_soa);
	buf_u16(b, ns_c_in);
	return add_record(b, u, e);
}

int
dnsupdate_read(struct span s, uint16_t id, struct err *e)
{
	struct cur	k = cur_span(s);
	uint16_t	have, flags, count;
	int		i;

	if (cur_u16(&k, &have) != 0 || cur_u16(&k, &flags) != 0)
		return err_set(e, ERR_FORMAT, "the answer has only %zu bytes",
		    s.n);
	for (i = 0; i < 4; i++)
		if (cur_u16(&k, &count) != 0)
			return err_set(e, ERR_FORMAT, "the answer has only "
			    "%zu bytes", s.n);
	if (have != id || (flags & FLAG_QR) == 0 ||
	    (flags & OPCODE) != OPCODE_UPDATE)
		return err_set(e, ERR_FORMAT, "this is no answer to the "
		    "update");
	return flags & 0xf;
}

static const char *const names[] = {
	"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"
};

const char *
dnsupdate_rcode(int rcode, char *out)
{
	if (rcode >= 0 && (size_t)rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	(void)snprintf(out, 16, "RCODE %d", rcode);
	return out;
}

/* Who it is about: "TXT records of NAME in zone ZONE". */
static void
subject(const struct dnsupdate *u, char *out, size_t n)
{
	if (u->what == DNSUPDATE_KEY)
		(void)snprintf(out, n, "zone %.120s", u->zone);
	else
		(void)snprintf(out, n, "TXT records of %.120s in zone %.120s",
		    u->name, u->zone);
}

int
dnsupdate_err(int rcode, const struct dnsupdate *u, const char *who,
    const char *key, struct err *e)
{
	char	what[300], text[16];

	subject(u, what, sizeof(what));
	switch (rcode) {
	case 0:
		return 0;
	case 1:
		return err_set(e, ERR_FORMAT, "%s cannot read the update of "
		    "%s (FORMERR): does it support RFC 2136?", who, what);
	case 2:
		return err_set(e, ERR_TEMP, "%s failed to update %s "
		    "(SERVFAIL): its log says why; a zone file that it "
		    "cannot write is usual", who, what);
	case 4:
		return err_set(e, ERR_CONF, "%s takes no updates (NOTIMP): "
		    "use another way to set records, such as a hook", who);
	case 5:
		return err_set(e, ERR_PERM, "%s does not let key \"%s\" "
		    "update %s (REFUSED): allow it there (BIND: "
		    "update-policy; Knot: an acl with action update)", who,
		    key, what);
	case 8:
		return err_set(e, ERR_CONF, "%s has no SOA in %s (NXRRSET)",
		    who, what);
	case 9:
		return err_set(e, ERR_CONF, "%s is not the primary server of "
		    "zone %.120s (NOTAUTH): name the one that is as server",
		    who, u->zone);
	case 10:
		return err_set(e, ERR_CONF, "%s says that the name does not "
		    "lie in its zone (NOTZONE): %s", who, what);
	default:
		return err_set(e, ERR_FORMAT, "%s answers the update of %s "
		    "with %s", who, what, dnsupdate_rcode(rcode, text));
	}
}

int
dnsupdate_is(struct span rdata, const char *value)
{
	struct cur	k = cur_span(rdata), s;
	size_t		n, left = strlen(value);

	if (rdata.n == 0)
		return 0;
	while (cur_left(&k) > 0) {
		if (cur_vec8(&k, &s) != 0)
			return 0;
		n = cur_left(&s);
		if (n > left || memcmp(s.p, value, n) != 0)
			return 0;
		value += n;
		left -= n;
	}
	return left == 0;
}
