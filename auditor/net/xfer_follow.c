/*
 * Redirects, by hand: libcurl's own would not ask the egress policy.
 * Declared in xfer_job.h.
 */
#include "auditor/net/xfer_job.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"

int
xfer_follow_wanted(const struct xfer_job *j, long status)
{
	if ((j->flags & FETCH_F_FOLLOW) == 0 || j->done.location[0] == '\0')
		return 0;
	return status == 301 || status == 302 || status == 303 ||
	    status == 307 || status == 308;
}

/* The Location, resolved (RFC 3986 5.2): a text to curl_free(), or NULL. */
static char *
resolve(struct xfer_job *j)
{
	CURLU		*u = curl_url();
	char		*base = NULL, *text = NULL;
	CURLUcode	 r = curl_url_get(j->url, CURLUPART_URL, &base, 0);

	/* Set anew, as the dots of its path are to be resolved as well. */
	if (r == CURLUE_OK)
		r = curl_url_set(u, CURLUPART_URL, base, 0);
	if (r == CURLUE_OK)
		r = curl_url_set(u, CURLUPART_URL, j->done.location,
		    CURLU_DISALLOW_USER);
	if (r == CURLUE_OK)
		r = curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	if (r == CURLUE_OK)
		r = curl_url_get(u, CURLUPART_URL, &text, 0);
	curl_url_cleanup(u);
	curl_free(base);
	if (r == CURLUE_OK)
		return text;
	(void)xfer_job_fail(j, FETCH_POLICY, curl_url_strerror(r));
	return NULL;
}

/* Say that it was the redirect; what was said follows. */
static void
explain(struct xfer_job *j)
{
	char	why[sizeof(j->done.message)];

	(void)snprintf(why, sizeof(why), "redirect refused: %.230s",
	    j->done.message);
	(void)memcpy(j->done.message, why, sizeof(why));
	j->done.status = 0;
}

/* 0 when the Location may be gone to; j->url is it then. */
static int
turn_to(struct xfer_job *j)
{
	char	*text;
	int	 r;

	if (j->hops == LIMIT_REDIRECTS)
		return xfer_job_fail(j, FETCH_POLICY, "more than 3 of them");
	if (j->odd_location)
		return xfer_job_fail(j, FETCH_POLICY,
		    "the Location has a control character");
	text = resolve(j);
	if (text == NULL)
		return -1;
	r = xfer_job_url(j, text);
	if (r == 0)
		(void)snprintf(j->done.url, sizeof(j->done.url), "%s", text);
	curl_free(text);
	return r;
}

int
xfer_follow(struct xfer_job *j)
{
	int64_t	left;

	if (j->done.failure != FETCH_OK ||
	    !xfer_follow_wanted(j, j->done.status))
		return 0;
	if (turn_to(j) != 0) {
		explain(j);
		return 0;
	}
	left = (j->end - clk_mono()) / 1000;
	if (left <= 0) {
		j->done.status = 0;
		(void)xfer_job_fail(j, FETCH_TIMEOUT,
		    "no time was left to follow a redirect");
		return 0;
	}
	j->hops++;
	xfer_job_reset(j);
	(void)curl_easy_setopt(j->easy, CURLOPT_TIMEOUT_MS, (long)left);
	(void)curl_multi_remove_handle(j->x->multi, j->easy);
	(void)curl_easy_setopt(j->easy, CURLOPT_CURLU, j->url);
	return 1;
}
