#ifndef TESTS_UNIT_AUDITOR_DNSPACKET_H
#define TESTS_UNIT_AUDITOR_DNSPACKET_H

/* DNS messages by hand, for tests. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define DNS_RESPONSE	0x8180u	/* QR, RD, RA */
#define DNS_A		1u
#define DNS_NS		2u
#define DNS_CNAME	5u
#define DNS_SOA		6u
#define DNS_MX		15u
#define DNS_TXT		16u
#define DNS_AAAA	28u
#define DNS_OPT		41u
#define DNS_CAA		257u

/* A name; "@" is a pointer to that of the question. */
static inline void
dns_name(struct buf *b, const char *name)
{
	const char	*dot;
	size_t		 n;

	if (strcmp(name, "@") == 0) {
		buf_u16(b, 0xc00c);
		return;
	}
	while (*name != '\0') {
		dot = strchr(name, '.');
		n = dot != NULL ? (size_t)(dot - name) : strlen(name);
		buf_u8(b, (uint8_t)n);
		buf_add(b, name, n);
		name += n + (dot != NULL);
	}
	buf_u8(b, 0);
}

/* Header and question; the counts are counted up by dns_rr(). */
static inline void
dns_begin(struct buf *b, unsigned id, unsigned flags, const char *name,
    unsigned type)
{
	buf_reset(b);
	buf_u16(b, (uint16_t)id);
	buf_u16(b, (uint16_t)flags);
	buf_u16(b, 1);
	buf_u16(b, 0);
	buf_u16(b, 0);
	buf_u16(b, 0);
	dns_name(b, name);
	buf_u16(b, (uint16_t)type);
	buf_u16(b, 1);
}

/* Sections in the header: where their counts are. */
enum dns_section { DNS_ANSWER = 6, DNS_AUTHORITY = 8, DNS_ADDITIONAL = 10 };

/* A record, of which the data of ${n} bytes follows. */
static inline void
dns_rr(struct buf *b, enum dns_section where, const char *owner,
    unsigned type, uint32_t ttl)
{
	if (++b->p[where + 1] == 0)
		b->p[where]++;
	dns_name(b, owner);
	buf_u16(b, (uint16_t)type);
	buf_u16(b, 1);
	buf_u32(b, ttl);
}

static inline void
dns_data(struct buf *b, const void *p, size_t n)
{
	buf_u16(b, (uint16_t)n);
	buf_add(b, p, n);
}

/* The data is a name. */
static inline void
dns_data_name(struct buf *b, const char *name)
{
	struct buf	d = BUF_INIT;

	dns_name(&d, name);
	dns_data(b, d.p, d.n);
	buf_free(&d);
}

static inline void
dns_soa(struct buf *b, const char *owner, uint32_t ttl, uint32_t minimum)
{
	struct buf	d = BUF_INIT;

	dns_name(&d, "@");
	dns_name(&d, "root.example");
	buf_u32(&d, 1);
	buf_u32(&d, 2);
	buf_u32(&d, 3);
	buf_u32(&d, 4);
	buf_u32(&d, minimum);
	dns_rr(b, DNS_AUTHORITY, owner, DNS_SOA, ttl);
	dns_data(b, d.p, d.n);
	buf_free(&d);
}

#endif
