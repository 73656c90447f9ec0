#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "pki/name.h"
#include "pki/watch_img.h"

/* The text of patterns. */

enum watch_kind
watch_kind_of(const char *t)
{
	struct watch_ip	ip;

	if (strcmp(t, ".") == 0)
		return WATCH_ALL;
	if (*t == '.')
		return WATCH_DEEP;
	if (strncmp(t, "spki:", 5) == 0)
		return WATCH_KEY;
	if (((*t >= '0' && *t <= '9') || strchr(t, ':') != NULL) &&
	    watch_ip_parse(t, &ip) == 0)
		return WATCH_ADDR;
	return WATCH_EXACT;
}

int
watch_ip_parse(const char *t, struct watch_ip *ip)
{
	char		 addr[INET6_ADDRSTRLEN];
	const char	*slash = strchr(t, '/'), *p;
	size_t		 n = slash != NULL ? (size_t)(slash - t) : strlen(t);
	unsigned	 len = 0, most;

	memset(ip, 0, sizeof(*ip));
	if (n == 0 || n >= sizeof(addr))
		return -1;
	memcpy(addr, t, n);
	addr[n] = '\0';
	ip->v6 = strchr(addr, ':') != NULL;
	if (inet_pton(ip->v6 ? AF_INET6 : AF_INET, addr, ip->addr) != 1)
		return -1;
	most = ip->v6 ? 128 : 32;
	if (slash == NULL) {
		ip->plen = (uint8_t)most;
		return 0;
	}
	for (p = slash + 1; *p >= '0' && *p <= '9' && len <= most; p++)
		len = len * 10 + (unsigned)(*p - '0');
	if (*p != '\0' || p == slash + 1 || len > most)
		return -1;
	ip->plen = (uint8_t)len;
	return 0;
}

int
watch_ip_inside(const struct watch_ip *ip, const struct watch_ip *net)
{
	size_t		n = net->plen / 8u;
	unsigned	bits = net->plen % 8u;

	if (ip->v6 != net->v6 || ip->plen < net->plen ||
	    memcmp(ip->addr, net->addr, n) != 0)
		return 0;
	return bits == 0 || (ip->addr[n] ^ net->addr[n]) >> (8 - bits) == 0;
}

/* An address or CIDR: no bits may be set behind the prefix. */
static int
canon_ip(const char *t, char out[WATCH_TEXT], struct err *e)
{
	struct watch_ip	ip, net;
	char		addr[INET6_ADDRSTRLEN];
	unsigned	i, most;

	if (watch_ip_parse(t, &ip) == -1)
		return err_set(e, ERR_FORMAT, "\"%.80s\" is neither an "
		    "address nor a network such as 192.0.2.0/24 or "
		    "2001:db8::/32", t);
	net = ip;
	most = ip.v6 ? 128 : 32;
	for (i = ip.plen; i < most; i++)
		net.addr[i / 8] &= (uint8_t)~(0x80u >> (i % 8));
	if (inet_ntop(ip.v6 ? AF_INET6 : AF_INET, net.addr, addr,
	    sizeof(addr)) == NULL)
		return err_set(e, ERR_FORMAT, "\"%.80s\" is no address", t);
	if (memcmp(net.addr, ip.addr, sizeof(ip.addr)) != 0)
		return err_set(e, ERR_FORMAT, "\"%.80s\" has bits set behind "
		    "the prefix; the network is %s/%u", t, addr,
		    (unsigned)ip.plen);
	if (ip.plen == most)
		snprintf(out, WATCH_TEXT, "%s", addr);
	else
		snprintf(out, WATCH_TEXT, "%s/%u", addr, (unsigned)ip.plen);
	return 0;
}

static int
canon_key(const char *t, char out[WATCH_TEXT], struct err *e)
{
	uint8_t	key[32];

	if (strlen(t) != 5 + 64 || enc_unhex_to(key, 32, t + 5) == -1)
		return err_set(e, ERR_FORMAT, "\"%.80s\" is not spki: and the "
		    "64 hex digits of a key's SHA-256", t);
	memcpy(out, "spki:", 5);
	enc_hex_to(out + 5, key, 32);
	return 0;
}

int
watch_canon(const char *t, char out[WATCH_TEXT], struct err *e)
{
	char		name[NAME_TEXT], shown[128];
	struct err	why = ERR_INIT;
	const char	*last;
	int		deep;

	if (strcmp(t, ".") == 0) {
		memcpy(out, ".", 2);
		return 0;
	}
	if (strncasecmp(t, "spki:", 5) == 0)
		return canon_key(t, out, e);
	if (strpbrk(t, ":/") != NULL)
		return canon_ip(t, out, e);
	name_display(t, strlen(t), shown, sizeof(shown));
	if (strncmp(t, "*.", 2) == 0)
		return err_set(e, ERR_FORMAT, "\"%s\": a wildcard; write "
		    "\"%s\" for the name and everything below", shown,
		    shown + 1);
	deep = *t == '.';
	if (name_canon(t + deep, strlen(t + deep), name, &why) == -1)
		return err_set(e, ERR_FORMAT, "\"%s\": %s", shown, why.msg);
	last = strrchr(name, '.');
	last = last != NULL ? last + 1 : name;
	if (last[strspn(last, "0123456789")] == '\0') {
		if (deep)
			return err_set(e, ERR_FORMAT, "\"%s\": no top-level "
			    "domain is a number; an address has no dot in "
			    "front", shown);
		return canon_ip(name, out, e);
	}
	/* name_canon() leaves at most 253 bytes. */
	out[0] = '.';
	memcpy(out + deep, name, strlen(name) + 1);
	return 0;
}
