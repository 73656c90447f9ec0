#ifndef AUDITOR_ROLE_NOTIFY_BUILD_H
#define AUDITOR_ROLE_NOTIFY_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/alert/exec.h"
#include "auditor/alert/message.h"
#include "auditor/conf.h"
#include "auditor/role/hook.h"
#include "base/err.h"

/*
 * From a message and a channel to what goes out: reads URL and routing key
 * files, hands webhook secrets to the sign process, has bodies signed.
 */
struct notify_build;
struct sign_client;

/* ${sign} is borrowed; NULL: webhooks fail. */
struct notify_build *notify_build_new(struct sign_client *);
void notify_build_free(struct notify_build *);

/* Another sign process, which has no secrets yet. */
void notify_build_sign(struct notify_build *, struct sign_client *);

/* Hand secrets over again when they are needed. */
void notify_build_forget(struct notify_build *);

/* A request with its URL; both may hold secrets. */
struct notify_request {
	char			*url;
	struct message_req	 req;
};

void notify_request_free(struct notify_request *);

/* 0 and *r (freed in any case), or -1 and why. */
int notify_build_request(struct notify_build *, const struct conf_channel *,
    const struct message *, struct notify_request *r, struct err *);

/* What a program gets; ${cert} has no entry and no key when there is none. */
void notify_build_hook(const struct message *, const struct exec_cert *,
    struct exec_env *, struct hook_files *);

/* The bytes of an answer as text that the database takes; free() it. */
char *notify_build_reply(const uint8_t *, size_t);

#endif
