#include <string.h>

#include "tests/rig/lib/bomb.h"
#include "tests/rig/lib/wire.h"

static void
plain(struct web_res *s, int status)
{
	buf_reset(&s->head);
	web_say(s, status, "this log says %d", status);
}

static int
status_lies(struct lie *l, enum kind k, struct web_res *s)
{
	static const struct { enum lie_id id; int status; } t[] = {
		{ LIE_500, 500 }, { LIE_503, 503 }, { LIE_404, 404 },
		{ LIE_410, 410 }, { LIE_429BARE, 429 },
		{ LIE_429SECONDS, 429 }, { LIE_429DATE, 429 }
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (!lie_tell(&l[t[i].id], k))
			continue;
		plain(s, t[i].status);
		if (t[i].id == LIE_429SECONDS)
			buf_fmt(&s->head, "Retry-After: %lld\r\n",
			    (long long)l[t[i].id].n);
		if (t[i].id == LIE_429DATE) {
			buf_str(&s->head, "Retry-After: ");
			web_date(&s->head, (long)l[t[i].id].n);
			buf_str(&s->head, "\r\n");
		}
		return 1;
	}
	return 0;
}

static int
gzip_lies(struct lie *l, enum kind k, struct web_res *s)
{
	if (lie_tell(&l[LIE_BOMB], k)) {
		buf_reset(&s->head);
		buf_reset(&s->body);
		bomb_put(&s->body, SPAN_STR(k == KIND_ENTRIES ?
		    "{\"entries\":[" : ""), k == KIND_ENTRIES ? ' ' : 0,
		    (uint64_t)l[LIE_BOMB].n);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
		return 1;
	}
	if (lie_tell(&l[LIE_WRONGGZIP], k)) {
		buf_reset(&s->head);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
		return 1;
	}
	return 0;
}

int
wire_lies(struct rlog *lg, enum kind k, struct web_res *s)
{
	struct lie *l = lg->lies;

	if (lie_tell(&l[LIE_STALL], k)) {
		s->pace = WEB_STALL;
		return 1;
	}
	if (lie_tell(&l[LIE_SLOW], k)) {
		s->pace = WEB_SLOW;
		s->rate = (long)l[LIE_SLOW].n;
	}
	if (lie_tell(&l[LIE_RESET], k))
		s->pace = WEB_RESET;
	if (status_lies(l, k, s))
		return 1;
	if (lie_tell(&l[LIE_HTML], k)) {
		plain(s, 200);
		s->type = "text/html";
		buf_reset(&s->body);
		buf_str(&s->body, "<!DOCTYPE html>\n<html><head><title>Please "
		    "wait</title></head><body>We are checking your browser."
		    "</body></html>\n");
		return 1;
	}
	if (lie_tell(&l[LIE_TRUNCATED], k)) {
		s->body.n = s->body.n * (size_t)l[LIE_TRUNCATED].n / 100;
		buf_add(&s->body, "", 0);
	}
	if (lie_tell(&l[LIE_TYPE], k) && s->status == 200)
		s->type = "text/plain";
	return gzip_lies(l, k, s);
}
