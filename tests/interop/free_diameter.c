/* A Gy client on freeDiameter's own stack (Debian: libfreediameter-dev freediameter-extensions).
 *
 *     free_diameter CONFIGURATION < STEPS
 *
 * It connects as the configuration says and sends the credit-control requests that stand in STEPS as
 * steps.py writes them, those of one paragraph at the same time. For each answer it prints one line
 * of JSON: the header's flags, the AVPs, what freeDiameter's dictionary and grammar find wrong, and
 * AVPs whose flags differ from that dictionary's. At the end it disconnects.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <freeDiameter/freeDiameter-host.h>
#include <freeDiameter/libfdcore.h>
#include <semaphore.h>

#define WAIT_SECONDS 10
#define LINE_OCTETS 65536
#define TGPP 10415

/* The peers that requests are routed to; libfdcore exports them, its headers do not show them. */
extern struct fd_list fd_g_activ_peers;
extern pthread_rwlock_t fd_g_activ_peers_rw;

static sem_t opened, answered;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void fatal(const char *what, const char *which)
{
	fprintf(stderr, "%s: %s\n", what, which);
	_exit(1);
}

static void check(int status, const char *what)
{
	if (status)
		fatal(what, strerror(status));
}

/* The requests. */

static struct dict_object *find(enum dict_object_type type, int by, const void *what)
{
	struct dict_object *found = NULL;
	fd_dict_search(fd_g_config->cnf_dict, type, by, what, &found, 0);
	return found;
}

/* Returns an AVP that no dictionary has, written CODE:VENDOR. */
static struct dict_object *unknown_avp(const char *name)
{
	struct dict_vendor_data vendor = {0, "vendor of unknown AVPs"};
	struct dict_avp_data avp = {0};
	struct dict_object *made = NULL;

	if (sscanf(name, "%u:%u", &avp.avp_code, &avp.avp_vendor) != 2)
		return NULL;
	vendor.vendor_id = avp.avp_vendor;
	if (!find(DICT_VENDOR, VENDOR_BY_ID, &vendor.vendor_id))
		check(fd_dict_new(fd_g_config->cnf_dict, DICT_VENDOR, &vendor, NULL, NULL), name);
	avp.avp_name = (char *)name;
	avp.avp_flag_mask = AVP_FLAG_VENDOR | AVP_FLAG_MANDATORY;
	avp.avp_flag_val = avp.avp_flag_mask;
	avp.avp_basetype = AVP_TYPE_OCTETSTRING;
	check(fd_dict_new(fd_g_config->cnf_dict, DICT_AVP, &avp, NULL, &made), name);
	return made;
}

/* Some names stand in more than one vendor's table: the one of the group's vendor comes first. */
static struct dict_object *avp_named(const char *name, vendor_id_t vendor)
{
	struct dict_avp_request ours = {.avp_vendor = vendor, .avp_name = (char *)name};
	struct dict_object *found = find(DICT_AVP, AVP_BY_NAME_AND_VENDOR, &ours);

	if (!found)
		found = find(DICT_AVP, AVP_BY_NAME, name);
	if (!found)
		found = find(DICT_AVP, AVP_BY_NAME_ALL_VENDORS, name);
	if (!found)
		found = unknown_avp(name);
	if (!found)
		fatal("freeDiameter knows no such AVP", name);
	return found;
}

static int is_address(struct dict_object *model)
{
	struct dict_object *type = find(DICT_TYPE, TYPE_OF_AVP, model);
	struct dict_type_data known;

	return type && !fd_dict_getval(type, &known) && !strcmp(known.type_name, "Address");
}

static size_t hexadecimal(const char *digits, uint8_t *octets)
{
	size_t count = 0;

	for (unsigned value; sscanf(digits, "%2x", &value) == 1; digits += 2)
		octets[count++] = value;
	return count;
}

/* Sets a value that is written as 12, "text" or 0x0102; returns what follows it. */
static const char *set_value(struct avp *avp, struct dict_object *model, const char *text)
{
	uint8_t octets[4096];
	union avp_value value = {.os = {octets, 0}};
	const char *end = text[0] == '"' ? strchr(++text, '"') : text + strcspn(text, " }");
	char *word = strndup(text, end - text);
	struct dict_avp_data known;

	check(fd_dict_getval(model, &known), word);
	if (known.avp_basetype == AVP_TYPE_UNSIGNED64) {
		value.u64 = strtoull(word, NULL, 10);
	} else if (known.avp_basetype == AVP_TYPE_INTEGER64) {
		value.i64 = strtoll(word, NULL, 10);
	} else if (known.avp_basetype != AVP_TYPE_OCTETSTRING) {
		value.u32 = strtoul(word, NULL, 10);
	} else if (!strncmp(word, "0x", 2)) {
		value.os.len = hexadecimal(word + 2, octets);
	} else if (is_address(model)) {
		octets[0] = 0, octets[1] = 1;
		inet_pton(AF_INET, word, octets + 2);
		value.os.len = 6;
	} else {
		value.os.len = strlen(word);
		memcpy(octets, word, value.os.len);
	}
	check(fd_msg_avp_setvalue(avp, &value), word);
	free(word);
	return *end == '"' ? end + 1 : end;
}

/* Adds AVPs up to the end of the text or of the group; returns what follows them. */
static const char *add_avps(msg_or_avp *to, vendor_id_t vendor, const char *text)
{
	while (*(text += strspn(text, " ")) && *text != '}') {
		size_t length = strcspn(text, "={");
		char *name = strndup(text, length);
		struct dict_object *model = avp_named(name, vendor);
		struct dict_avp_data known;
		struct avp *avp = NULL;

		check(fd_dict_getval(model, &known), name);
		check(fd_msg_avp_new(model, 0, &avp), name);
		check(fd_msg_avp_add(to, MSG_BRW_LAST_CHILD, avp), name);
		text += length + 1;
		text = text[-1] == '{' ? add_avps(avp, known.avp_vendor, text)
				       : set_value(avp, model, text);
		free(name);
	}
	return *text ? text + 1 : text;
}

/* What the answers say. */

static void print_text(const uint8_t *octets, size_t length)
{
	size_t printable = 0;

	while (printable < length && isprint(octets[printable]))
		printable++;
	printf(printable == length ? "\"" : "\"0x");
	for (size_t at = 0; at < length; at++)
		if (printable != length)
			printf("%02X", octets[at]);
		else
			printf(octets[at] == '"' || octets[at] == '\\' ? "\\%c" : "%c", octets[at]);
	printf("\"");
}

static void print_avps(msg_or_avp *in);

static void print_value(struct avp *avp, union avp_value *value, enum dict_avp_basetype type)
{
	switch (type) {
	case AVP_TYPE_GROUPED:
		print_avps(avp);
		break;
	case AVP_TYPE_OCTETSTRING:
		print_text(value->os.data, value->os.len);
		break;
	case AVP_TYPE_UNSIGNED32:
		printf("%u", value->u32);
		break;
	case AVP_TYPE_INTEGER32:
		printf("%d", value->i32);
		break;
	case AVP_TYPE_INTEGER64:
		printf("%lld", (long long)value->i64);
		break;
	default:
		printf("%llu", (unsigned long long)value->u64);
	}
}

static struct avp *next(msg_or_avp *from, enum msg_brw_dir direction)
{
	struct avp *found = NULL;

	fd_msg_browse(from, direction, &found, NULL);
	return found;
}

static void print_avps(msg_or_avp *in)
{
	const char *separator = "";

	printf("[");
	for (struct avp *avp = next(in, MSG_BRW_FIRST_CHILD); avp; avp = next(avp, MSG_BRW_NEXT)) {
		struct dict_object *model = NULL;
		struct dict_avp_data known;
		struct avp_hdr *header;

		check(fd_msg_avp_hdr(avp, &header), "an AVP's header");
		fd_msg_model(avp, &model);
		if (model && !fd_dict_getval(model, &known)) {
			printf("%s[\"%s\",", separator, known.avp_name);
			print_value(avp, header->avp_value, known.avp_basetype);
			printf("]");
		} else {
			printf("%s[\"%u:%u\",null]", separator, header->avp_code, header->avp_vendor);
		}
		separator = ",";
	}
	printf("]");
}

/* Prints the names of AVPs, at every depth, whose flags are not the dictionary's. */
static const char *print_wrong_flags(msg_or_avp *in, const char *separator)
{
	for (struct avp *avp = next(in, MSG_BRW_FIRST_CHILD); avp; avp = next(avp, MSG_BRW_NEXT)) {
		struct dict_object *model = NULL;
		struct dict_avp_data known;
		struct avp_hdr *header;

		check(fd_msg_avp_hdr(avp, &header), "an AVP's header");
		fd_msg_model(avp, &model);
		if (!model || fd_dict_getval(model, &known))
			continue;
		if ((header->avp_flags & known.avp_flag_mask) != known.avp_flag_val) {
			printf("%s\"%s\"", separator, known.avp_name);
			separator = ",";
		}
		if (known.avp_basetype == AVP_TYPE_GROUPED && strcmp(known.avp_name, "Failed-AVP"))
			separator = print_wrong_flags(avp, separator);
	}
	return separator;
}

static void print_header_flags(uint8_t flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {{CMD_FLAG_REQUEST, "request"},
		     {CMD_FLAG_PROXIABLE, "proxiable"},
		     {CMD_FLAG_ERROR, "error"},
		     {CMD_FLAG_RETRANSMIT, "retransmitted"}};
	const char *separator = "";

	for (size_t at = 0; at < sizeof names / sizeof *names; at++)
		if (flags & names[at].bit) {
			printf("%s\"%s\"", separator, names[at].name);
			separator = ",";
		}
}

static void on_answer(void *step, struct msg **answer)
{
	struct fd_pei fault = {0};
	struct msg_hdr *header;
	int status = fd_msg_parse_dict(*answer, fd_g_config->cnf_dict, &fault);

	if (!status)
		status = fd_msg_parse_rules(*answer, fd_g_config->cnf_dict, &fault);
	check(fd_msg_hdr(*answer, &header), "an answer's header");
	pthread_mutex_lock(&output);
	printf("{\"step\":\"%s\",\"faults\":[", (char *)step);
	if (status)
		printf("\"%s %s\"", fault.pei_errcode ? fault.pei_errcode : strerror(status),
		       fault.pei_message ? fault.pei_message : "");
	printf("],\"flags\":[");
	print_header_flags(header->msg_flags);
	printf("],\"wrong_flags\":[");
	print_wrong_flags(*answer, "");
	printf("],\"avps\":");
	print_avps(*answer);
	printf("}\n");
	pthread_mutex_unlock(&output);
	free(step);
	fd_msg_free(*answer);
	*answer = NULL;
	sem_post(&answered);
}

static void on_silence(void *step, DiamId_t peer, size_t length, struct msg **request)
{
	fatal("no answer", step);
}

/* Sends one line: NAME T-OR-MINUS END-TO-END-OR-MINUS AVPS */
static void send_step(const char *line)
{
	char name[256], again, end_to_end[16];
	int length;
	struct timespec limit;
	struct msg *request = NULL;
	struct msg_hdr *header;
	struct dict_object *command = find(DICT_COMMAND, CMD_BY_NAME, "Credit-Control-Request");

	if (sscanf(line, "%255s %c %15s %n", name, &again, end_to_end, &length) != 3)
		fatal("this is no step", line);
	check(fd_msg_new(command, MSGFL_ALLOC_ETEID, &request), name);
	check(fd_msg_hdr(request, &header), name);
	header->msg_appl = 4;
	if (again == 'T')
		header->msg_flags |= CMD_FLAG_RETRANSMIT;
	if (*end_to_end != '-')
		header->msg_eteid = strtoul(end_to_end, NULL, 10);
	add_avps(request, 0, line + length);
	check(fd_msg_add_origin(request, 0), name);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += WAIT_SECONDS;
	check(fd_msg_send_timeout(&request, on_answer, strdup(name), on_silence, &limit), name);
}

static void run_steps(FILE *steps)
{
	static char line[LINE_OCTETS];
	int outstanding = 0;

	for (int is_last = 0; !is_last;) {
		is_last = !fgets(line, sizeof line, steps);
		line[strcspn(line, "\n")] = 0;
		if (!is_last && !strncmp(line, "wait ", 5)) {
			sleep(atoi(line + 5));
		} else if (!is_last && *line) {
			send_step(line);
			outstanding++;
		} else {
			for (; outstanding; outstanding--)
				sem_wait(&answered);
		}
	}
}

/* What freeDiameter's dictionaries do not have: TS 32.299 since its release 12, VCS, RFC 8506. */

static const struct {
	const char *name;
	avp_code_t code;
	enum dict_avp_basetype type;
	const char *group;
	int32_t min, max;
	vendor_id_t vendor;
} younger[] = {
	{"QoS-Final-Unit-Indication", 669, AVP_TYPE_GROUPED, NULL, 0, 0, 0},
	{"Redirect-Server-Extension", 665, AVP_TYPE_GROUPED, "QoS-Final-Unit-Indication", 0, 1, 0},
	{"Redirect-Address-IPAddress", 666, AVP_TYPE_OCTETSTRING, "Redirect-Server-Extension", 0, 1, 0},
	{"Redirect-Address-URL", 667, AVP_TYPE_OCTETSTRING, "Redirect-Server-Extension", 0, 1, 0},
	{"Redirect-Address-SIP-URI", 668, AVP_TYPE_OCTETSTRING, "Redirect-Server-Extension", 0, 1, 0},
	{"VCS-Information", 3410, AVP_TYPE_GROUPED, NULL, 0, 0, TGPP},
	{"MSC-Address", 3417, AVP_TYPE_OCTETSTRING, "VCS-Information", 0, 1, TGPP},
	{"VLR-Number", 3420, AVP_TYPE_OCTETSTRING, "VCS-Information", 0, 1, TGPP},
	{"Announcement-Information", 3904, AVP_TYPE_GROUPED, NULL, 0, 0, TGPP},
	{"Announcement-Identifier", 3905, AVP_TYPE_UNSIGNED32, "Announcement-Information", 1, 1, TGPP},
	{"Variable-Part", 3907, AVP_TYPE_GROUPED, "Announcement-Information", 0, -1, TGPP},
	{"Variable-Part-Order", 3908, AVP_TYPE_UNSIGNED32, "Variable-Part", 0, 1, TGPP},
	{"Variable-Part-Type", 3909, AVP_TYPE_UNSIGNED32, "Variable-Part", 1, 1, TGPP},
	{"Variable-Part-Value", 3910, AVP_TYPE_OCTETSTRING, "Variable-Part", 1, 1, TGPP},
	{"Time-Indicator", 3911, AVP_TYPE_UNSIGNED32, "Announcement-Information", 0, 1, TGPP},
	{"Quota-Indicator", 3912, AVP_TYPE_INTEGER32, "Announcement-Information", 0, 1, TGPP},
	{"Announcement-Order", 3906, AVP_TYPE_UNSIGNED32, "Announcement-Information", 0, 1, TGPP},
	{"Play-Alternative", 3913, AVP_TYPE_INTEGER32, "Announcement-Information", 0, 1, TGPP},
	{"Privacy-Indicator", 3915, AVP_TYPE_INTEGER32, "Announcement-Information", 0, 1, TGPP},
	{"Language", 3914, AVP_TYPE_OCTETSTRING, "Announcement-Information", 0, 1, TGPP},
};

static void learn_younger_avps(void)
{
	for (size_t at = 0; at < sizeof younger / sizeof *younger; at++) {
		struct dict_avp_data avp = {
			.avp_code = younger[at].code,
			.avp_vendor = younger[at].vendor,
			.avp_name = (char *)younger[at].name,
			.avp_flag_mask = AVP_FLAG_VENDOR | AVP_FLAG_MANDATORY,
			.avp_flag_val = younger[at].vendor ? AVP_FLAG_VENDOR | AVP_FLAG_MANDATORY : 0,
			.avp_basetype = younger[at].type,
		};
		struct dict_rule_data rule = {
			.rule_position = RULE_OPTIONAL,
			.rule_min = younger[at].min,
			.rule_max = younger[at].max,
		};

		check(fd_dict_new(fd_g_config->cnf_dict, DICT_AVP, &avp, NULL, &rule.rule_avp),
		      avp.avp_name);
		if (!younger[at].group)
			continue;
		if (younger[at].min)
			rule.rule_position = RULE_REQUIRED;
		check(fd_dict_new(fd_g_config->cnf_dict, DICT_RULE, &rule,
				  avp_named(younger[at].group, younger[at].vendor), NULL),
		      avp.avp_name);
	}
}

/* The connection. */

static void on_event(enum fd_hook_type type, struct msg *message, struct peer_hdr *peer,
		     void *other, struct fd_hook_permsgdata *data, void *registered)
{
	if (type == HOOK_PEER_CONNECT_SUCCESS)
		sem_post(&opened);
	else if (type == HOOK_PEER_CONNECT_FAILED)
		fatal("the connection was refused", other ? other : "");
	else if (type == HOOK_MESSAGE_ROUTING_ERROR)
		fatal("freeDiameter cannot send a request", other ? other : "");
	else
		fatal("freeDiameter cannot read a message", other ? other : "");
}

/* A peer that is connected is a moment later one that requests are routed to. */
static void wait_for_route(void)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += WAIT_SECONDS;
	if (sem_timedwait(&opened, &limit))
		fatal("no connection", "within 10 s");
	for (int is_routed = 0; !is_routed; usleep(1000)) {
		pthread_rwlock_rdlock(&fd_g_activ_peers_rw);
		is_routed = !FD_IS_LIST_EMPTY(&fd_g_activ_peers);
		pthread_rwlock_unlock(&fd_g_activ_peers_rw);
	}
}

static void log_errors(int level, const char *format, va_list arguments)
{
	if (level >= FD_LOG_ERROR) {
		vfprintf(stderr, format, arguments);
		fputc('\n', stderr);
	}
}

int main(int count, char **words)
{
	struct application_id {
		application_id_t id;
	} gy = {4};
	struct fd_hook_hdl *hook;

	if (count != 2)
		fatal("write", "free_diameter CONFIGURATION < STEPS");
	sem_init(&opened, 0, 0);
	sem_init(&answered, 0, 0);
	fd_log_handler_register(log_errors);
	check(fd_core_initialize(), "initialize");
	check(fd_core_parseconf(words[1]), words[1]);
	learn_younger_avps();
	check(fd_disp_app_support(find(DICT_APPLICATION, APPLICATION_BY_ID, &gy.id), NULL, 1, 0), "Gy");
	check(fd_hook_register(HOOK_MASK(HOOK_PEER_CONNECT_SUCCESS, HOOK_PEER_CONNECT_FAILED,
					 HOOK_MESSAGE_PARSING_ERROR, HOOK_MESSAGE_PARSING_ERROR2,
					 HOOK_MESSAGE_ROUTING_ERROR),
			       on_event, NULL, NULL, &hook),
	      "a hook");
	check(fd_core_start(), "start");
	check(fd_core_waitstartcomplete(), "start");
	wait_for_route();
	run_steps(stdin);
	check(fd_core_shutdown(), "shutdown");
	return fd_core_wait_shutdown_complete();
}
