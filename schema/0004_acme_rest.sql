-- What came to ACME after 0003.

-- --- respond ------------------------------------------------------------------

-- An approval is of a certificate, and of a person: whoever logged in stays
-- the same one whatever user they become (loginuid; null: not known).
alter table respond_approval
	add column tbs_sha256	bytea,
	add column login_uid	bigint;

-- Orders that only prove names, so that one that was cut off is gone on with.
create table respond_flow (
	finding_id	bigint not null references finding,
	first_name	text not null,		-- of the batch
	account_id	bigint not null references acme_account,
	state		bytea not null,		-- acme/flow.h, flow_save()
	saved_at	timestamptz not null default now(),
	primary key (finding_id, first_name)
);

-- --- end of respond -----------------------------------------------------------

select grant_roles();
