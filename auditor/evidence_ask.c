#include <stdio.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_json.h"
#include "base/http.h"
#include "ctlog/jsn.h"
#include "ctlog/note.h"
#include "ctlog/rfc6962.h"
#include "ctlog/sth.h"
#include "ctlog/tile.h"
#include "ocsp/ocsp_ask.h"

/* How to ask again: the URLs. */

static const char *const asks[EVIDENCE_ASK_MAX] = { "entry", "head",
    "consistency", "crl", "ocsp", "endpoint", "dns", "absence" };

const char *
evidence_ask_name(enum evidence_ask ask)
{
	return asks[ask];
}

int
evidence_url(const char *protocol, const char *base, enum evidence_ask ask,
    uint64_t a, uint64_t b, char *out, size_t cap)
{
	struct http_req	req;
	struct tile	t;
	int		rc = -1, tiles = strcmp(protocol, "static") == 0;

	if (ask == EVIDENCE_ASK_HEAD && (a != 0 || b != 0))
		return -1;
	if (ask == EVIDENCE_ASK_HEAD || (ask == EVIDENCE_ASK_CONSISTENCY &&
	    tiles))
		rc = tiles ? note_url(base, &req) : sth_url(base, &req);
	else if (ask == EVIDENCE_ASK_CONSISTENCY)
		rc = rfc6962_consistency(base, a, b, &req);
	else if (ask == EVIDENCE_ASK_ENTRY && !tiles)
		rc = rfc6962_entry(base, a, b, &req);
	else if (a < b) {
		/* the data tile of the entry, or of the tree's last one */
		t.level = TILE_DATA;
		t.index = a / TILE_WIDTH;
		t.width = tile_width(TILE_DATA, t.index, b);
		rc = t.width == 0 ? -1 : tile_request(base, &t, &req);
	}
	if (rc == -1 || (size_t)snprintf(out, cap, "%s", req.url) >= cap)
		return -1;
	return 0;
}

/* The GET that asks for the serial again, or the responder itself. */
static int
ocsp_again(const json_t *o, char *out, size_t cap)
{
	struct ocsp_ask	 ask;
	struct buf	 issuer = BUF_INIT, der = BUF_INIT;
	const char	*base = evidence_str(o, "url");
	int		 rc = -1;

	evidence_bytes(o, "issuer", &issuer);
	memset(&ask, 0, sizeof(ask));
	ask.issuer = buf_bytes(&issuer);
	ask.serial = evidence_str(o, "serial");
	ask.hash = OCSP_SHA1;
	if (ocsp_ask_der(&ask, &der, NULL) == 0) {
		rc = 0;
		if (ocsp_ask_url(base, buf_bytes(&der), out, cap) != 1)
			(void)snprintf(out, cap, "%s", base);
	}
	buf_free(&issuer);
	buf_free(&der);
	return rc;
}

/* Of a text of ours: a source, an endpoint, a name. */
static int
seen_again(const json_t *t, enum evidence_ask ask, char *out, size_t cap)
{
	const char	*type = evidence_str(t, "type");
	const char	*tls = evidence_str(t, "starttls");
	int		 n = -1;

	if (strcmp(type, EVIDENCE_ABSENCE) == 0 &&
	    ask == EVIDENCE_ASK_ABSENCE)
		n = snprintf(out, cap, "%s", evidence_str(t, "url"));
	else if (strcmp(type, EVIDENCE_SOURCE) == 0 && strcmp(evidence_str(t,
	    "kind"), evidence_ask_name(ask)) == 0)
		n = snprintf(out, cap, "%s", evidence_str(t, "url"));
	else if (strcmp(type, EVIDENCE_SERVED) == 0 &&
	    ask == EVIDENCE_ASK_ENDPOINT)
		n = snprintf(out, cap, strchr(evidence_str(t, "host"), ':') !=
		    NULL ? "%s://[%s]:%d" : "%s://%s:%d", tls[0] != '\0' ?
		    tls : "tls", evidence_str(t, "host"),
		    (int)evidence_int(t, "port"));
	else if (strcmp(type, EVIDENCE_DNS) == 0 && ask == EVIDENCE_ASK_DNS)
		/* RFC 4501 */
		n = snprintf(out, cap, "dns:%s?type=%s", evidence_str(t,
		    "name"), evidence_str(t, "rrtype"));
	return n > 0 && (size_t)n < cap ? 0 : -1;
}

int
evidence_url_of(const json_t *o, enum evidence_ask ask, char *out,
    size_t cap)
{
	const char	*type = evidence_str(o, "type");
	json_t		*t;
	int		 rc = -1;

	if (strcmp(type, "attested") == 0) {
		t = jsn_object(SPAN_STR(evidence_str(o, "text")), "`text`",
		    NULL);
		rc = seen_again(t, ask, out, cap);
		json_decref(t);
		return rc;
	}
	if (evidence_str(o, "url")[0] == '\0')
		return -1;
	if (ask == EVIDENCE_ASK_OCSP && strcmp(type, "ocsp") == 0)
		return ocsp_again(o, out, cap);
	if (ask == EVIDENCE_ASK_CRL && (strcmp(type, "crl") == 0 ||
	    strcmp(type, "crl_parts") == 0))
		return (size_t)snprintf(out, cap, "%s", evidence_str(o,
		    "url")) < cap ? 0 : -1;
	return rc;
}
