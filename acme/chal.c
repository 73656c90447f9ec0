#include "acme/chal.h"

#include <stdio.h>
#include <string.h>

#include "acme/san.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"

#define BASE64URL	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
			"abcdefghijklmnopqrstuvwxyz0123456789-_"

static const char *const	names[] = {
	[CHAL_NONE] = "none",
	[CHAL_HTTP_01] = "http-01",
	[CHAL_DNS_01] = "dns-01",
	[CHAL_TLS_ALPN_01] = "tls-alpn-01",
	[CHAL_DNS_ACCOUNT_01] = "dns-account-01",
	[CHAL_DNS_PERSIST_01] = "dns-persist-01"
};

_Static_assert(sizeof(names) / sizeof(names[0]) == CHAL_MAX,
    "a challenge without its name");

const char *
chal_name(enum chal_type t)
{
	return (unsigned)t < CHAL_MAX ? names[t] : names[0];
}

enum chal_type
chal_type_of(const char *name)
{
	unsigned	i;

	for (i = CHAL_NONE + 1; i < CHAL_MAX; i++)
		if (strcmp(names[i], name) == 0)
			return (enum chal_type)i;
	return CHAL_NONE;
}

int
chal_fits(enum chal_type t, const char *ident)
{
	uint8_t	ip[16];
	int	dns = t == CHAL_DNS_01 || t == CHAL_DNS_ACCOUNT_01 ||
		    t == CHAL_DNS_PERSIST_01;

	if (t <= CHAL_NONE || t >= CHAL_MAX)
		return 0;
	if (san_wild(ident))
		return dns;
	return san_ip(ident, ip) == 0 || !dns;
}

int
chal_token_ok(const char *token)
{
	size_t	n = strspn(token, BASE64URL);

	return token[n] == '\0' && n >= LIMIT_TOKEN_MIN && n <= LIMIT_TOKEN;
}

int
chal_key_authz(const char *token, const char *thumbprint, struct buf *out,
    struct err *e)
{
	if (!chal_token_ok(token))
		return err_set(e, ERR_FORMAT, "challenge: the token is not "
		    "%u to %u characters of base64url (RFC 8555, 8.1)",
		    LIMIT_TOKEN_MIN, LIMIT_TOKEN);
	if (strlen(thumbprint) != CHAL_TXT - 1 ||
	    strspn(thumbprint, BASE64URL) != CHAL_TXT - 1)
		return err_set(e, ERR_FORMAT, "challenge: not the thumbprint "
		    "of an account key (RFC 7638)");
	buf_fmt(out, "%s.%s", token, thumbprint);
	return 0;
}

void
chal_txt(const char *key_authz, char out[CHAL_TXT])
{
	struct buf	b = BUF_INIT;
	uint8_t		h[SHA_LEN];

	sha_256(h, key_authz, strlen(key_authz));
	enc_b64url(&b, h, sizeof(h));
	memcpy(out, b.p, CHAL_TXT);	/* with its zero byte */
	buf_free(&b);
}

/* Ten bytes in base32 (RFC 4648, 6), lower case: 16 characters. */
static void
base32(const uint8_t h[10], char out[17])
{
	unsigned	i, bit;

	for (i = 0; i < 16; i++) {
		bit = i * 5;
		/* the last group ends with the last byte */
		out[i] = "abcdefghijklmnopqrstuvwxyz234567"[(((unsigned)
		    h[bit / 8] << 8 | (bit / 8 < 9 ? h[bit / 8 + 1] : 0u)) >>
		    (11 - bit % 8)) & 0x1f];
	}
	out[16] = '\0';
}

int
chal_owner(enum chal_type t, const char *ident, const char *account,
    char out[NAME_TEXT], struct err *e)
{
	char	name[NAME_TEXT], label[17], text[2 * NAME_TEXT];
	uint8_t	h[SHA_LEN];

	if (san_canon(ident, name, e) == -1)
		return err_prefix(e, "challenge");
	if (!chal_fits(t, name) || t == CHAL_HTTP_01 || t == CHAL_TLS_ALPN_01)
		return err_set(e, ERR_FORMAT, "challenge: %s has no DNS "
		    "record for %s", chal_name(t), name);
	ident = san_wild(name) ? name + 2 : name;
	if (t == CHAL_DNS_ACCOUNT_01) {
		if (account == NULL || *account == '\0')
			return err_set(e, ERR_FORMAT, "challenge: %s needs "
			    "the account's URL", chal_name(t));
		sha_256(h, account, strlen(account));
		base32(h, label);
		(void)snprintf(text, sizeof(text), "_%s._acme-challenge.%s",
		    label, ident);
	} else
		(void)snprintf(text, sizeof(text), "%s.%s",
		    t == CHAL_DNS_01 ? "_acme-challenge" :
		    "_validation-persist", ident);
	if (strlen(text) > 253)
		return err_set(e, ERR_FORMAT, "challenge: %s is too long for "
		    "DNS with the label of %s in front", name, chal_name(t));
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

int
chal_sni(const char *ident, char out[NAME_TEXT], struct err *e)
{
	char	name[NAME_TEXT];
	uint8_t	ip[16];
	size_t	n, i, used = 0;

	if (san_canon(ident, name, e) == -1)
		return err_prefix(e, "challenge");
	if (!chal_fits(CHAL_TLS_ALPN_01, name))
		return err_set(e, ERR_FORMAT, "challenge: %s cannot be "
		    "validated with tls-alpn-01 (RFC 8737, 3)", name);
	n = san_ip(name, ip);
	if (n == 0)
		memcpy(out, name, strlen(name) + 1);
	else if (n == 4)
		(void)snprintf(out, NAME_TEXT, "%u.%u.%u.%u.in-addr.arpa",
		    ip[3], ip[2], ip[1], ip[0]);
	else {
		for (i = 16; i-- > 0;)
			used += (size_t)snprintf(out + used, NAME_TEXT - used,
			    "%x.%x.", ip[i] & 0xfu, ip[i] >> 4);
		(void)snprintf(out + used, NAME_TEXT - used, "ip6.arpa");
	}
	return 0;
}
