#include "acme/chal.h"

#include <stdio.h>
#include <string.h>

#include "acme/san.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"

#define BASE64URL	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
			"abcdefghijklmnopqrstuvwxyz0123456789-_"

int
chal_fits(enum challenge_type t, const char *ident)
{
	struct order_ident	id;
	uint8_t			ip[16];

	if (challenge_name(t) == NULL)
		return 0;
	memset(&id, 0, sizeof(id));
	id.wildcard = san_wild(ident);
	id.ip = san_ip(ident, ip) != 0;
	return challenge_fits(t, &id);
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
chal_owner(enum challenge_type t, const char *ident, const char *account,
    char out[NAME_TEXT], struct err *e)
{
	char	name[NAME_TEXT], label[17], text[2 * NAME_TEXT];
	uint8_t	h[SHA_LEN];

	if (san_canon(ident, name, e) == -1)
		return err_prefix(e, "challenge");
	if (!chal_fits(t, name) || t == CHALLENGE_HTTP_01 ||
	    t == CHALLENGE_TLS_ALPN_01)
		return err_set(e, ERR_FORMAT, "challenge: %s has no DNS "
		    "record for %s", challenge_name(t) != NULL ?
		    challenge_name(t) : "an unknown type", name);
	ident = san_wild(name) ? name + 2 : name;
	if (t == CHALLENGE_DNS_ACCOUNT_01) {
		if (account == NULL || *account == '\0')
			return err_set(e, ERR_FORMAT, "challenge: %s needs "
			    "the account's URL", challenge_name(t));
		sha_256(h, account, strlen(account));
		base32(h, label);
		(void)snprintf(text, sizeof(text), "_%s._acme-challenge.%s",
		    label, ident);
	} else
		(void)snprintf(text, sizeof(text), "%s.%s",
		    t == CHALLENGE_DNS_01 ? "_acme-challenge" :
		    "_validation-persist", ident);
	if (strlen(text) > 253)
		return err_set(e, ERR_FORMAT, "challenge: %s is too long for "
		    "DNS with the label of %s in front", name,
		    challenge_name(t));
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
	if (!chal_fits(CHALLENGE_TLS_ALPN_01, name))
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
