/* Redirects: where they may lead, and where not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/auditor/fetching.h"

/* A reader of CRLs that may speak to one address inside. */
static int
begin_revocation(void **state)
{
	struct fetch_setup	s;

	(void)state;
	setup_of(&s, "127.0.0.1/32");
	s.class = EGRESS_REVOCATION;
	client = client_of(&s);
	return 0;
}

static void
follow(const char *url, struct fetch_done *d)
{
	struct fetch_get	g;
	uint64_t		id;

	get_of(&g, url, 0);
	g.flags = FETCH_F_FOLLOW;
	id = fetch_client_get(client, &g);
	next(client, d);
	assert_int_equal(d->id, id);
}

/* A redirect by ${status} to ${location}; #PORT is ours. */
static const char *
go_to(int status, const char *location)
{
	static char	url[4096];
	char		to[3000], *at;
	const char	*mark = strstr(location, "#PORT");

	if (mark != NULL)
		(void)snprintf(to, sizeof(to), "%.*s:%d%s",
		    (int)(mark - location), location, port, mark + 5);
	else
		(void)snprintf(to, sizeof(to), "%s", location);
	for (at = to; *at != '\0'; at++)
		assert_true((unsigned char)*at > ' ');
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/go/%03d/%s",
	    port, status, to);
	return url;
}

struct row {
	const char		*location;
	enum fetch_failure	 failure;
	const char		*word;	/* of the message */
};

static const struct row rows[] = {
	/* relative and absolute */
	{ "/plain", FETCH_OK, "" },
	{ "../../plain", FETCH_OK, "" },
	{ "./../x/../../plain", FETCH_OK, "" },
	{ "//127.0.0.1#PORT/plain", FETCH_OK, "" },
	{ "http://127.0.0.1#PORT/plain#part", FETCH_OK, "" },
	{ "HTTP://127.0.0.1#PORT/plain", FETCH_OK, "" },
	/* addresses inside, in all spellings */
	{ "http://127.0.0.2#PORT/plain", FETCH_POLICY, "127.0.0.2" },
	{ "//127.0.0.2#PORT/plain", FETCH_POLICY, "127.0.0.2" },
	{ "http://2130706434#PORT/plain", FETCH_POLICY, "127.0.0.2" },
	{ "http://0x7f.2#PORT/plain", FETCH_POLICY, "127.0.0.2" },
	{ "http://%31%32%37.0.0.2#PORT/plain", FETCH_POLICY, "127.0.0.2" },
	{ "http://[::1]#PORT/plain", FETCH_POLICY, "not global" },
	{ "http://[::ffff:127.0.0.2]#PORT/plain", FETCH_POLICY, "127.0.0.2" },
	{ "http://10.0.0.1/", FETCH_POLICY, "10.0.0.1" },
	{ "http://192.168.1.1:8080/", FETCH_POLICY, "192.168.1.1" },
	{ "http://169.254.169.254/latest/meta-data/", FETCH_POLICY,
	    "link-local" },
	{ "https://169.254.169.254/", FETCH_POLICY, "link-local" },
	{ "http://[fd00::1]/", FETCH_POLICY, "" },
	{ "http://0.0.0.0#PORT/plain", FETCH_POLICY, "" },
	/* other ports and protocols */
	{ "http://127.0.0.1:25/", FETCH_POLICY, "port" },
	{ "http://127.0.0.1:0/", FETCH_POLICY, "" },
	{ "http://127.0.0.1:99999/", FETCH_POLICY, "" },
	{ "file:///etc/passwd", FETCH_POLICY, "" },
	{ "file://127.0.0.1/etc/passwd", FETCH_POLICY, "" },
	{ "gopher://127.0.0.1#PORT/_x", FETCH_POLICY, "" },
	{ "ftp://127.0.0.1#PORT/x", FETCH_POLICY, "" },
	{ "ldap://127.0.0.1#PORT/x", FETCH_POLICY, "" },
	{ "dict://127.0.0.1#PORT/x", FETCH_POLICY, "" },
	{ "scp://127.0.0.1#PORT/x", FETCH_POLICY, "" },
	{ "javascript:alert(1)", FETCH_POLICY, "" },
	{ "data:,x", FETCH_POLICY, "" },
	/* who is asked, and with what */
	{ "http://user:pass@127.0.0.1#PORT/plain", FETCH_POLICY, "" },
	{ "http://user@127.0.0.1#PORT/plain", FETCH_POLICY, "" },
	{ "http://127.0.0.1#PORT\\@evil.example/", FETCH_POLICY, "" },
	{ "http://", FETCH_POLICY, "" },
	{ "http:///", FETCH_POLICY, "" },
	{ "http://a%0d%0ab/", FETCH_POLICY, "" },
	/* bytes that would end a header line: ~m is CR, ~i a tab */
	{ "/plain~mX:y", FETCH_POLICY, "control" },
	{ "http://127.0.0.1#PORT/~mHost:evil", FETCH_POLICY, "control" },
	{ "/pl~iain", FETCH_POLICY, "control" },
	{ "/pl~aain", FETCH_POLICY, "control" },
	{ "/\xc3\xa4", FETCH_POLICY, "" },
	/* no more than as if it had been asked for */
	{ "http://127.0.0.1#PORT/garbage", FETCH_PROTOCOL, "" },
};

static void
where(void **state)
{
	const struct row	*r;
	struct fetch_done	 d;
	size_t			 i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = &rows[i];
		follow(go_to(302, r->location), &d);
		if (d.failure != r->failure ||
		    strstr(d.message, r->word) == NULL) {
			print_message("%s: %s: %s\n", r->location,
			    fetch_failure_name(d.failure), d.message);
			bad++;
		}
		if (r->failure != FETCH_OK) {
			assert_int_equal(d.status, 0);
			assert_int_equal(d.body.n, 0);
			continue;
		}
		assert_int_equal(d.status, 200);
		assert_int_equal(d.body.n, 5);
		assert_memory_equal(d.body.p, "hello", 5);
		assert_string_equal(d.url, url_of("/plain"));
		/* Of the last answer, not of the one that led there. */
		assert_string_equal(d.location, "");
		assert_string_equal(d.etag, "\"v1\"");
	}
	print_message("%zu places, %zu not as expected\n", i, bad);
	assert_int_equal(bad, 0);
}

static void
statuses(void **state)
{
	static const int	followed[] = { 301, 302, 303, 307, 308 };
	struct fetch_done	d;
	int			status, want;
	size_t			i;

	(void)state;
	for (status = 200; status < 600; status++) {
		/* These have no body, which the server does not know. */
		if (status == 204 || status == 304)
			continue;
		want = status;
		for (i = 0; i < 5; i++)
			if (followed[i] == status)
				want = 200;
		follow(go_to(status, "/plain"), &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(d.status, want);
		assert_int_equal(d.url[0] != '\0', status >= 300 &&
		    want == 200);
	}
}

/* Three, and no more; a loop ends there. */
static void
how_many(void **state)
{
	struct fetch_done	d;

	(void)state;
	follow(url_of("/hop/0"), &d);
	assert_int_equal(d.status, 200);
	assert_string_equal(d.url, "");
	follow(url_of("/hop/3"), &d);
	assert_int_equal(d.status, 200);
	assert_memory_equal(d.body.p, "done", 4);
	assert_string_equal(d.url, url_of("/hop/0"));
	follow(url_of("/hop/4"), &d);
	assert_int_equal(d.failure, FETCH_POLICY);
	assert_int_equal(d.status, 0);
	assert_non_null(strstr(d.message, "more than 3"));
	assert_string_equal(d.location, "0");
	follow(url_of("/self"), &d);
	assert_int_equal(d.failure, FETCH_POLICY);
	assert_non_null(strstr(d.message, "more than 3"));
}

/* Escaped line ends stay escaped: no header of theirs in our request. */
static void
injection(void **state)
{
	struct fetch_done	d;

	(void)state;
	follow(go_to(302, "/request?%0d%0aX:y"), &d);
	assert_int_equal(d.status, 200);
	assert_non_null(memmem(d.body.p, d.body.n,
	    "GET /request?%0d%0aX:y HTTP/1.1\r\n", 33));
	assert_null(memmem(d.body.p, d.body.n, "\nX:", 3));
}

/* A Location that is too long is none, and then it is an answer. */
static void
long_location(void **state)
{
	struct fetch_done	d;

	(void)state;
	follow(url_of("/far/2047"), &d);
	assert_int_equal(d.failure, FETCH_POLICY);
	assert_int_equal(strlen(d.location), 2047);
	follow(url_of("/far/2048"), &d);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(d.status, 302);
	assert_string_equal(d.location, "");
	assert_string_equal(d.url, "");
}

/* One deadline for all of it. */
static void
deadline(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;

	(void)state;
	get_of(&g, go_to(302, "/hang"), 0);
	g.flags = FETCH_F_FOLLOW;
	g.timeout_ms = 500;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_int_equal(d.status, 0);
}

/* Only where it was asked for, and never for what changes something. */
static void
only_get(void **state)
{
	static const char *const	methods[] = { "POST", "HEAD", "PUT" };
	struct fetch_setup		s;
	struct fetch_client		*c;
	struct fetch_get		g;
	struct fetch_done		d;
	size_t				i;

	(void)state;
	get_of(&g, go_to(302, "/plain"), 0);
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.status, 302);
	assert_string_equal(d.location, "/plain");
	assert_string_equal(d.url, "");
	g.flags = FETCH_F_FOLLOW;
	for (i = 0; i < 3; i++) {
		g.method = methods[i];
		(void)fetch_client_get(client, &g);
		next(client, &d);
		assert_int_equal(d.failure, FETCH_PROTOCOL);
	}
	setup_of(&s, "127.0.0.1/32");
	c = client_of(&s);
	g.method = "GET";
	(void)fetch_client_get(c, &g);
	next(c, &d);
	assert_int_equal(d.failure, FETCH_PROTOCOL);
	fetch_client_free(c);
}

/* Into a pipe goes what is at the end, and nothing of what is before it. */
static void
pipes(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	char			text[16];
	int			fds[2];

	(void)state;
	get_of(&g, go_to(307, "/plain"), 0);
	g.flags = FETCH_F_FOLLOW;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)fetch_client_pipe(client, &g, fds[1]);
	next(client, &d);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.wire, 5);
	assert_int_equal(read(fds[0], text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(read(fds[0], text, sizeof(text)), 0);
	(void)close(fds[0]);
	/* Refused: nothing at all. */
	g.url = go_to(307, "http://127.0.0.2#PORT/plain");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)fetch_client_pipe(client, &g, fds[1]);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_POLICY);
	assert_int_equal(read(fds[0], text, sizeof(text)), 0);
	(void)close(fds[0]);
}

/* To TLS: it is tried, and fails where nobody speaks it. */
static void
to_https(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;

	(void)state;
	get_of(&g, go_to(301, "https://127.0.0.1#PORT/plain"), 0);
	g.flags = FETCH_F_FOLLOW;
	g.timeout_ms = 1000;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_true(d.failure == FETCH_TLS || d.failure == FETCH_TIMEOUT);
	assert_int_equal(d.status, 0);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(where, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(statuses, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(how_many, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(injection, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(long_location,
		    begin_revocation, finish),
		cmocka_unit_test_setup_teardown(deadline, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(only_get, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(pipes, begin_revocation,
		    finish),
		cmocka_unit_test_setup_teardown(to_https, begin_revocation,
		    finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	return fetching_main(argc, argv, run);
}
