#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "auditor/alert/webhook.h"
#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/notify.h"
#include "auditor/role/sign.h"
#include "auditor/role/sign_client.h"
#include "base/clk.h"
#include "tests/unit/auditor/alert_fixture.h"

#define SECRET	"whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"

static struct fetch_client	*fetch;
static struct sign_client	*sign;
static struct notify		*notify;
static struct conf		 conf;
static char			 dir[64];

/* --- a receiver: one request a connection, answered as told -------------- */

static int		 port;
static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;
static char		 got[65536];	/* the last request */
static int		 ngot;
static char		 answer[256];

static size_t
body_length(const char *head)
{
	const char *p;

	p = strcasestr(head, "\r\ncontent-length:");
	return p == NULL ? 0 : (size_t)strtol(p + 17, NULL, 10);
}

static void
serve(int fd)
{
	static char text[65536];
	const char *end;
	size_t n;
	ssize_t k;

	for (n = 0; n < sizeof(text) - 1; n += (size_t)k) {
		k = read(fd, text + n, sizeof(text) - 1 - n);
		if (k <= 0)
			break;
		text[n + (size_t)k] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end != NULL && n + (size_t)k >=
		    (size_t)(end + 4 - text) + body_length(text))
			break;
	}
	pthread_mutex_lock(&lock);
	memcpy(got, text, sizeof(got));
	ngot++;
	(void)!write(fd, answer, strlen(answer));
	pthread_mutex_unlock(&lock);
}

static void *
receiver(void *arg)
{
	int fd, s;

	s = *(int *)arg;
	while ((fd = accept(s, NULL, NULL)) != -1) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

static void
start_receiver(void)
{
	static int s;
	struct sockaddr_in in;
	socklen_t n = sizeof(in);
	pthread_t t;

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&in, n) == -1 || listen(s, 16) == -1 ||
	    getsockname(s, (struct sockaddr *)&in, &n) == -1 ||
	    pthread_create(&t, NULL, receiver, &s) != 0)
		exit(1);
	pthread_detach(t);
	port = ntohs(in.sin_port);
}

static void
answer_with(const char *status, const char *headers, const char *body)
{
	pthread_mutex_lock(&lock);
	snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nConnection: close"
	    "\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
	    strlen(body), body);
	got[0] = '\0';
	ngot = 0;
	pthread_mutex_unlock(&lock);
}

/* The value of a header of the last request; static. */
static const char *
header(const char *name)
{
	static char value[512];
	char line[64];
	const char *p;
	size_t n;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	p = strcasestr(got, line);
	assert_non_null(p);
	p += strlen(line);
	n = strcspn(p, "\r");
	assert_true(n < sizeof(value));
	memcpy(value, p, n);
	value[n] = '\0';
	return value;
}

/* --- the job ------------------------------------------------------------ */

/* Turn it until nothing is under way and all was tried once. */
static void
turn(void)
{
	struct fetch_done done;
	struct pollfd p;
	int64_t end, wake, now;

	end = clk_mono() + 60 * CLK_SEC;
	do {
		now = clk_mono();
		if (now > end)
			fail_msg("it does not come to an end");
		wake = now + CLK_SEC;
		notify_tick(notify, now, &wake);
		p.fd = ipc_fd(fetch_client_ipc(fetch));
		p.events = ipc_wants_write(fetch_client_ipc(fetch)) ?
		    POLLIN | POLLOUT : POLLIN;
		(void)poll(&p, 1, 20);
		OK(fetch_client_turn(fetch, e));
		while (fetch_client_next(fetch, &done, NULL) == 1)
			notify_done(notify, &done);
	} while (!notify_idle(notify) || fetch_client_pending(fetch) > 0);
}

static char *
file(const char *name, const char *text)
{
	char *path;
	FILE *f;

	path = mem_printf("%s/%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	return path;
}

static void
channel(const char *name, const char *kind, const char *where)
{
	struct conf_channel c;
	char url[100];

	memset(&c, 0, sizeof(c));
	c.name = (char *)(uintptr_t)name;
	c.kind = (char *)(uintptr_t)kind;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, kind);
	if (strcmp(kind, "webhook") == 0) {
		c.url = mem_str(where == NULL ? url : where);
		c.secret_file = file("secret", SECRET "\n");
	} else if (strcmp(kind, "slack") == 0)
		c.url_file = file("slack.url", url);
	else if (strcmp(kind, "pagerduty") == 0) {
		c.url = mem_str(url);
		c.routing_key_file = file("pd.key", "R0UTE\n");
	} else
		c.program = mem_str(where);
	OK(channel_add(db, &c, e));
	free(c.url);
	free(c.url_file);
	free(c.secret_file);
	free(c.routing_key_file);
	free(c.program);
}

static int
fresh(void **state)
{
	(void)state;
	empty();
	notify_free(notify);
	notify = notify_new(db, &conf, fetch, sign, "h:1");
	return 0;
}

static void
verify(void)
{
	struct buf key = BUF_INIT, want = BUF_INIT;
	char id[40];
	const char *body;

	snprintf(id, sizeof(id), "%s", header("webhook-id"));
	assert_string_equal(header("Idempotency-Key"), id);
	body = strstr(got, "\r\n\r\n") + 4;
	OK(webhook_secret(SECRET, &key, e));
	webhook_sign(buf_bytes(&key), id,
	    strtol(header("webhook-timestamp"), NULL, 10),
	    SPAN_STR(body), &want);
	assert_string_equal(header("webhook-signature"), buf_text(&want));
	buf_free(&key);
	buf_free(&want);
}

static void
test_webhook(void **state)
{
	struct finding f = a_finding("aa");
	char sql[200], id[40];

	(void)state;
	channel("soc", "webhook", NULL);
	opened(&f, 1);
	answer_with("500 No", "Retry-After: 7\r\n", "broken\x01");
	turn();
	assert_int_equal(ngot, 1);
	verify();
	assert_memory_equal(got, "POST /webhook ", 14);
	snprintf(id, sizeof(id), "%s", header("webhook-id"));
	assert_int_equal(number("select (state = 'pending' and attempts = 1 "
	    "and last_status = 500 and last_error = 'HTTP 500' and "
	    "last_reply = 'broken?' and due_at - now() between interval "
	    "'5 s' and interval '7 s')::int from delivery"), 1);
	/* The second attempt has the same id. */
	run("update delivery set due_at = now()");
	answer_with("204 Fine", "", "");
	snprintf(sql, sizeof(sql), "select (webhook_id = '%s')::int from "
	    "delivery", id);
	while (ngot == 0)
		turn();
	verify();
	assert_string_equal(header("webhook-id"), id);
	assert_int_equal(number(sql), 1);
	assert_int_equal(number("select (state = 'delivered')::int from "
	    "delivery"), 1);
}

static void
test_statuses(void **state)
{
	static const struct {
		const char	*status;
		const char	*headers;
		const char	*want;
	} t[] = {
		{ "200 OK", "", "delivered" },
		{ "299 Odd", "", "delivered" },
		{ "301 Moved", "Location: http://127.0.0.1:1/\r\n",
		    "pending" },
		{ "400 Bad", "", "pending" },
		{ "410 Gone", "", "dead" },
	};
	struct finding f = a_finding("aa");
	char sql[100];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fresh(state);
		channel("soc", "webhook", NULL);
		opened(&f, 1);
		answer_with(t[i].status, t[i].headers, "");
		turn();
		assert_int_equal(ngot, 1);
		snprintf(sql, sizeof(sql), "select count(*) from delivery "
		    "where state = '%s'", t[i].want);
		if (number(sql) != 1)
			fail_msg("%s", t[i].status);
	}
	assert_int_equal(number("select count(*) from channel where "
	    "state = 'disabled'"), 1);
}

/* Nobody listens, a private address, no secret file: failures with reasons. */
static void
test_unreachable(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:1/x",
		"http://10.255.255.1/x", "ftp://127.0.0.1/", "not a URL" };
	struct finding f = a_finding("aa");
	char name[2] = "a";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++, name[0]++)
		channel(name, "webhook", urls[i]);
	add_channel("nofile", "webhook");
	opened(&f, 1);
	turn();
	assert_int_equal(number("select count(*) from delivery where state = "
	    "'pending' and attempts = 1 and last_status is null and "
	    "length(last_error) > 10"), 5);
	assert_int_equal(number("select count(*) from channel where "
	    "failing_since is not null"), 5);
}

static void
test_kinds(void **state)
{
	struct finding f = a_finding("aa");

	(void)state;
	answer_with("200 OK", "", "ok");
	channel("chat", "slack", NULL);
	opened(&f, 1);
	turn();
	assert_memory_equal(got, "POST /slack ", 12);
	assert_non_null(strstr(got, "\"blocks\""));
	fresh(state);
	answer_with("202 Accepted", "", "{}");
	channel("pd", "pagerduty", NULL);
	opened(&f, 1);
	turn();
	assert_memory_equal(got, "POST /pagerduty ", 16);
	assert_non_null(strstr(got, "\"routing_key\":\"R0UTE\""));
	assert_int_equal(number("select count(*) from delivery where "
	    "state = 'delivered'"), 1);
}

static void
test_program(void **state)
{
	struct finding f = a_finding("aa");
	char *path;

	(void)state;
	path = file("hook", "#!/bin/sh\necho \"$EVENT\"\n"
	    "test \"$CERTVIGIL_NAME\" = pay.example.com\n");
	chmod(path, 0755);
	channel("hook", "exec", path);
	opened(&f, 1);
	turn();
	assert_int_equal(number("select (state = 'delivered' and last_reply = "
	    "E'discovered_cert\\n')::int from delivery"), 1);
	f.subject = "ab";
	f.name = "other.example.com";
	opened(&f, 1);
	turn();
	assert_int_equal(number("select count(*) from delivery where state = "
	    "'pending' and last_status = 1 and last_error like "
	    "'%status 1'"), 1);
	free(path);
}

/* A dead process of ours: attempts end, and go on with the new one. */
static void
test_restarted(void **state)
{
	struct fetch_setup s = { .user_agent = "test", .proxy = "",
		.allow = { "127.0.0.0/8" }, .nallow = 1,
		.class = EGRESS_DELIVERY, .host_conns = 4 };
	struct finding f = a_finding("aa");
	struct err e = ERR_INIT;
	struct fetch_client *other;
	int64_t wake;

	(void)state;
	channel("soc", "webhook", NULL);
	opened(&f, 1);
	answer_with("200 OK", "", "");
	wake = INT64_MAX;
	notify_tick(notify, clk_mono(), &wake);	/* claimed and asked for */
	other = fetch_client_new(&s, &e);
	assert_non_null(other);
	fetch_client_free(fetch);
	fetch = other;
	notify_restarted(notify, fetch, NULL);
	assert_int_equal(number("select count(*) from delivery where state = "
	    "'pending' and attempts = 1"), 1);
	run("update delivery set due_at = now()");
	do
		turn();
	while (number("select count(*) from delivery where "
	    "state = 'delivered'") == 0);
	/* A new sign process has no secrets; they are handed over again. */
	sign_client_free(sign);
	sign = sign_client_new(dir, &e);
	assert_non_null(sign);
	notify_restarted(notify, NULL, sign);
	f.subject = "ab";
	opened(&f, 1);
	answer_with("200 OK", "", "");
	turn();
	verify();
}

/* Nobody to deliver: that is wanted when something is due, and not before. */
static void
test_later(void **state)
{
	struct finding f = a_finding("aa");
	int64_t wake = INT64_MAX;

	(void)state;
	notify_free(notify);
	notify = notify_new(db, &conf, NULL, NULL, "h:1");
	channel("soc", "webhook", NULL);
	notify_tick(notify, clk_mono(), &wake);
	assert_false(notify_wants(notify));
	opened(&f, 1);
	notify_hint(notify);
	notify_tick(notify, clk_mono(), &wake);
	assert_true(notify_wants(notify));
	assert_false(notify_idle(notify));
	assert_int_equal(number("select count(*) from delivery where state = "
	    "'pending' and attempts = 0"), 1);
	notify_restarted(notify, fetch, sign);
	assert_false(notify_wants(notify));
	answer_with("200 OK", "", "");
	turn();
	verify();
}

static void
test_heartbeat(void **state)
{
	char url[100];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/beat", port);
	conf.heartbeat_url = url;
	conf.heartbeat_every = 3600;
	answer_with("200 OK", "", "");
	notify_heartbeat(notify, 0);
	turn();
	assert_int_equal(ngot, 0);
	notify_heartbeat(notify, 1);
	notify_heartbeat(notify, 1);
	turn();
	assert_int_equal(ngot, 1);
	assert_memory_equal(got, "GET /beat ", 10);
	notify_heartbeat(notify, 1);	/* not before its time */
	turn();
	assert_int_equal(ngot, 1);
	conf.heartbeat_url = NULL;
}

static int
all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_webhook, fresh),
		cmocka_unit_test_setup(test_statuses, fresh),
		cmocka_unit_test_setup(test_unreachable, fresh),
		cmocka_unit_test_setup(test_kinds, fresh),
		cmocka_unit_test_setup(test_program, fresh),
		cmocka_unit_test_setup(test_restarted, fresh),
		cmocka_unit_test_setup(test_later, fresh),
		cmocka_unit_test_setup(test_heartbeat, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	static const char *const files[] = { "instance.key", "secret",
		"slack.url", "pd.key", "hook" };
	struct fetch_setup s = { .user_agent = "test", .proxy = "",
		.allow = { "127.0.0.0/8" }, .nallow = 1,
		.class = EGRESS_DELIVERY, .host_conns = 4 };
	struct err e = ERR_INIT;
	char path[100];
	size_t i;
	int rc;

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return strcmp(proc_role(argv[1]), "sign") == 0 ?
		    sign_main() : fetch_main();
	if ((db = testdb_open()) == NULL)
		return 0;
	snprintf(dir, sizeof(dir), "/tmp/notifyXXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	fetch = fetch_client_new(&s, &e);
	sign = sign_client_new(dir, &e);
	if (fetch == NULL || sign == NULL) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	start_receiver();
	rc = all();
	notify_free(notify);
	fetch_client_free(fetch);
	sign_client_free(sign);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
	testdb_close(db);
	return rc;
}
