#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/call.h"

static int
dial(int port, struct err *e)
{
	struct sockaddr_in a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		err_set(e, ERR_SYS, "127.0.0.1:%d: cannot connect", port);
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

static int
exchange(int fd, const struct buf *req, struct buf *ans)
{
	size_t done = 0;
	ssize_t k;

	while (done < req->n) {
		k = send(fd, req->p + done, req->n - done, MSG_NOSIGNAL);
		if (k <= 0)
			return -1;
		done += (size_t)k;
	}
	while ((k = recv(fd, buf_room(ans, 65536), 65536, 0)) > 0)
		ans->n += (size_t)k;
	buf_add(ans, "", 0);
	return k == 0 ? 0 : -1;
}

int
call_post(const char *url, const char *path, struct span body,
    struct buf *out, struct err *e)
{
	struct buf req = BUF_INIT, ans = BUF_INIT;
	const char *text;
	char base[256] = "", *end;
	int fd = -1, port, status, rc = -1;

	if (sscanf(url, "http://127.0.0.1:%d%255s", &port, base) < 1)
		return err_set(e, ERR_USAGE,
		    "%s: must be http://127.0.0.1:PORT/NAME", url);
	if (base[0] != '\0' && base[strlen(base) - 1] == '/')
		base[strlen(base) - 1] = '\0';
	fd = dial(port, e);
	if (fd == -1)
		return -1;
	buf_fmt(&req, "POST %s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
	    "Connection: close\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n", base, path, port, body.n);
	buf_span(&req, body);
	if (exchange(fd, &req, &ans) == -1) {
		err_set(e, ERR_SYS, "%s%s: no answer", url, path);
		goto out;
	}
	text = buf_text(&ans);
	end = strstr(text, "\r\n\r\n");
	if (end == NULL || sscanf(text, "HTTP/1.1 %d", &status) != 1) {
		err_set(e, ERR_FORMAT, "%s%s: no HTTP answer", url, path);
		goto out;
	}
	if (status != 200) {
		err_set(e, ERR_HTTP, "%s%s: status %d: %.200s", url, path,
		    status, end + 4);
		goto out;
	}
	buf_str(out, end + 4);
	rc = 0;
out:
	close(fd);
	buf_free(&req);
	buf_free(&ans);
	return rc;
}
