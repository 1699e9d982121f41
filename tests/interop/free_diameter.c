/* A client of Gy and Sy on freeDiameter's own stack (Debian: libfreediameter-dev
 * freediameter-extensions).
 *
 *     free_diameter CONFIGURATION gy|sy|gy,sy < STEPS
 *     free_diameter CONFIGURATION relay
 *
 * It connects as the configuration says and sends the requests that stand in STEPS as requests.py
 * writes them, those of one paragraph at the same time. For each answer it prints one line of JSON:
 * the header's flags, the AVPs, what freeDiameter's dictionary and grammar find wrong, and AVPs whose
 * flags differ from that dictionary's. It prints such a line for each request of the server, too,
 * which it answers with 2001 or as the last line `answer COMMAND CODE` says; 0 is no answer at all. At the end it disconnects.
 *
 * A relay has no application: freeDiameter itself passes on what comes. It says so once it is
 * connected and disconnects at the end of its input.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <freeDiameter/freeDiameter-host.h>
#include <freeDiameter/libfdcore.h>
#include <semaphore.h>

#define WAIT_SECONDS 10
#define LINE_OCTETS 65536
#define TGPP 10415
#define GY 4
#define SY 16777302

/* The peers that requests are routed to; libfdcore exports them, its headers do not show them. */
extern struct fd_list fd_g_activ_peers;
extern pthread_rwlock_t fd_g_activ_peers_rw;

static sem_t opened, answered;

/* The commands: what they are called here and in the dictionary, whose they are, what is answered. */
static struct command {
	const char *name;
	const char *known_as;
	application_id_t application;
	int is_from_server;
	_Atomic unsigned code;
} commands[] = {
	{"CCR", "Credit-Control-Request", GY, 0, 0},
	{"RAR", "Re-Auth-Request", GY, 1, 2001},
	{"ASR", "Abort-Session-Request", GY, 1, 2001},
	{"SLR", "Spending-Limit-Request", SY, 0, 0},
	{"STR", "Session-Termination-Request", SY, 0, 0},
	{"SNR", "Spending-Status-Notification-Request", SY, 1, 2001},
};
#define COMMANDS (sizeof commands / sizeof *commands)

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

static struct command *command_named(const char *name)
{
	for (size_t at = 0; at < COMMANDS; at++)
		if (!strcmp(commands[at].name, name))
			return &commands[at];
	fatal("there is no such command", name);
	return NULL;
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

/* Prints what a message says, as the rest of a line that has begun. */
static void print_message(struct msg *message)
{
	struct fd_pei fault = {0};
	struct msg_hdr *header;
	int status = fd_msg_parse_dict(message, fd_g_config->cnf_dict, &fault);

	if (!status)
		status = fd_msg_parse_rules(message, fd_g_config->cnf_dict, &fault);
	check(fd_msg_hdr(message, &header), "a message's header");
	printf(",\"faults\":[");
	if (status)
		printf("\"%s %s\"", fault.pei_errcode ? fault.pei_errcode : strerror(status),
		       fault.pei_message ? fault.pei_message : "");
	printf("],\"flags\":[");
	print_header_flags(header->msg_flags);
	printf("],\"wrong_flags\":[");
	print_wrong_flags(message, "");
	printf("],\"avps\":");
	print_avps(message);
	printf("}\n");
}

static void on_answer(void *step, struct msg **answer)
{
	pthread_mutex_lock(&output);
	printf("{\"step\":\"%s\"", (char *)step);
	print_message(*answer);
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

/* Sends one line: NAME COMMAND T-OR-MINUS END-TO-END-OR-MINUS AVPS */
static void send_step(const char *line)
{
	char name[256], called[8], again, end_to_end[16];
	int length;
	struct timespec limit;
	struct msg *request = NULL;
	struct msg_hdr *header;
	struct command *command;

	if (sscanf(line, "%255s %7s %c %15s %n", name, called, &again, end_to_end, &length) != 4)
		fatal("this is no step", line);
	command = command_named(called);
	check(fd_msg_new(find(DICT_COMMAND, CMD_BY_NAME, command->known_as), MSGFL_ALLOC_ETEID, &request),
	      name);
	check(fd_msg_hdr(request, &header), name);
	header->msg_appl = command->application;
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

/* Takes one line: answer COMMAND CODE */
static void answer_with(const char *line)
{
	char called[8], code[8];

	if (sscanf(line, "answer %7s %7s", called, code) != 2)
		fatal("this says no answer", line);
	command_named(called)->code = strtoul(code, NULL, 10);
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
		} else if (!is_last && !strncmp(line, "answer ", 7)) {
			answer_with(line);
		} else if (!is_last && *line) {
			send_step(line);
			outstanding++;
		} else {
			for (; outstanding; outstanding--)
				sem_wait(&answered);
		}
	}
}

/* Requests of the server. */

static int on_request(struct msg **message, struct avp *of, struct session *session, void *registered,
		      enum disp_action *action)
{
	struct command *command = registered;
	struct msg_hdr *header;
	unsigned code = command->code;
	char result[32];

	check(fd_msg_hdr(*message, &header), command->name);
	if (!(header->msg_flags & CMD_FLAG_REQUEST))
		return 0;
	pthread_mutex_lock(&output);
	printf("{\"request\":\"%s\",\"answered\":%u", command->name, code);
	print_message(*message);
	pthread_mutex_unlock(&output);
	if (!code) {
		fd_msg_free(*message);
		*message = NULL;
		return 0;
	}
	check(fd_msg_new_answer_from_req(fd_g_config->cnf_dict, message,
					 code / 1000 == 3 ? MSGFL_ANSW_ERROR : 0),
	      command->name);
	snprintf(result, sizeof result, "Result-Code=%u", code);
	add_avps(*message, 0, result);
	check(fd_msg_add_origin(*message, 0), command->name);
	check(fd_msg_send(message, NULL, NULL), command->name);
	return 0;
}

/* What freeDiameter's dictionaries do not have: TS 32.299 since its release 12, VCS, RFC 8506. */

struct younger {
	const char *name;
	avp_code_t code;
	enum dict_avp_basetype type;
	const char *group;
	int32_t min, max;
	vendor_id_t vendor;
	int is_not_mandatory;
};

static const struct younger younger[] = {
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

/* Sy, TS 29.219; freeDiameter itself knows Supported-Features. */
static const struct younger of_sy[] = {
	{"Policy-Counter-Status-Report", 2903, AVP_TYPE_GROUPED, NULL, 0, 0, TGPP},
	{"Policy-Counter-Identifier", 2901, AVP_TYPE_OCTETSTRING, "Policy-Counter-Status-Report", 1, 1, TGPP},
	{"Policy-Counter-Status", 2902, AVP_TYPE_OCTETSTRING, "Policy-Counter-Status-Report", 1, 1, TGPP},
	{"SL-Request-Type", 2904, AVP_TYPE_INTEGER32, NULL, 0, 0, TGPP},
	{"Pending-Policy-Counter-Information", 2905, AVP_TYPE_GROUPED, "Policy-Counter-Status-Report", 0, -1, TGPP},
	{"Pending-Policy-Counter-Change-Time", 2906, AVP_TYPE_OCTETSTRING, "Pending-Policy-Counter-Information", 1, 1, TGPP},
	{"SN-Request-Type", 2907, AVP_TYPE_UNSIGNED32, NULL, 0, 0, TGPP, 1},
};

static const struct {
	const char *name;
	command_code_t code;
	int is_request;
	/* Those that there must be once, may be once, and must not be. */
	const char *required, *optional, *forbidden;
} commands_of_sy[] = {
	{"Spending-Limit-Request", 8388635, 1, "Auth-Application-Id Destination-Realm SL-Request-Type", "",
	 "Auth-Session-State"},
	{"Spending-Limit-Answer", 8388635, 0, "Auth-Application-Id",
	 "Result-Code Experimental-Result Origin-State-Id Error-Message",
	 "Auth-Session-State Destination-Host Destination-Realm Subscription-Id Policy-Counter-Identifier "
	 "SL-Request-Type SN-Request-Type"},
	{"Spending-Status-Notification-Request", 8388636, 1,
	 "Auth-Application-Id Destination-Realm Destination-Host", "SN-Request-Type Origin-State-Id",
	 "Auth-Session-State Result-Code Experimental-Result Subscription-Id Supported-Features"},
	{"Spending-Status-Notification-Answer", 8388636, 0, "", "Result-Code Experimental-Result",
	 "Auth-Session-State"},
};

static void learn_rule(struct dict_object *of, const char *name, enum rule_position position, int32_t min,
		       int32_t max)
{
	struct dict_rule_data rule = {
		.rule_avp = avp_named(name, TGPP),
		.rule_position = position,
		.rule_order = position == RULE_FIXED_HEAD,
		.rule_min = min,
		.rule_max = max,
	};

	check(fd_dict_new(fd_g_config->cnf_dict, DICT_RULE, &rule, of, NULL), name);
}

static void learn_rules(struct dict_object *of, const char *names, enum rule_position position, int32_t min,
			int32_t max)
{
	char *words = strdup(names), *rest = NULL;

	for (char *name = strtok_r(words, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		learn_rule(of, name, position, min, max);
	free(words);
}

static void learn_avps(const struct younger *avps, size_t count)
{
	for (const struct younger *each = avps; each < avps + count; each++) {
		struct dict_avp_data avp = {
			.avp_code = each->code,
			.avp_vendor = each->vendor,
			.avp_name = (char *)each->name,
			.avp_flag_mask = AVP_FLAG_VENDOR | AVP_FLAG_MANDATORY,
			.avp_basetype = each->type,
		};

		if (each->vendor)
			avp.avp_flag_val = AVP_FLAG_VENDOR | (each->is_not_mandatory ? 0 : AVP_FLAG_MANDATORY);
		check(fd_dict_new(fd_g_config->cnf_dict, DICT_AVP, &avp, NULL, NULL), each->name);
		if (each->group)
			learn_rule(avp_named(each->group, each->vendor), each->name,
				   each->min ? RULE_REQUIRED : RULE_OPTIONAL, each->min, each->max);
	}
}

static void learn_commands_of_sy(void)
{
	struct dict_application_data known = {SY, "Sy"};
	vendor_id_t vendor = TGPP;
	struct dict_object *application;

	check(fd_dict_new(fd_g_config->cnf_dict, DICT_APPLICATION, &known, find(DICT_VENDOR, VENDOR_BY_ID, &vendor),
			  &application),
	      "Sy");
	learn_rule(avp_named("Pending-Policy-Counter-Information", TGPP), "Policy-Counter-Status", RULE_REQUIRED, 1, 1);
	for (size_t at = 0; at < sizeof commands_of_sy / sizeof *commands_of_sy; at++) {
		struct dict_cmd_data data = {
			.cmd_code = commands_of_sy[at].code,
			.cmd_name = (char *)commands_of_sy[at].name,
			.cmd_flag_mask = CMD_FLAG_REQUEST | CMD_FLAG_PROXIABLE,
			.cmd_flag_val = CMD_FLAG_PROXIABLE | (commands_of_sy[at].is_request ? CMD_FLAG_REQUEST : 0),
		};
		struct dict_object *made;

		check(fd_dict_new(fd_g_config->cnf_dict, DICT_COMMAND, &data, application, &made), data.cmd_name);
		learn_rules(made, "Session-Id", RULE_FIXED_HEAD, 1, 1);
		learn_rules(made, "Origin-Host Origin-Realm", RULE_REQUIRED, 1, 1);
		learn_rules(made, commands_of_sy[at].required, RULE_REQUIRED, 1, 1);
		learn_rules(made, commands_of_sy[at].optional, RULE_OPTIONAL, 0, 1);
		learn_rules(made, commands_of_sy[at].forbidden, RULE_OPTIONAL, 0, 0);
	}
}

/* Says which applications there are, and takes their requests. */
static void support(const char *spoken)
{
	application_id_t gy = GY, sy = SY;
	vendor_id_t vendor = TGPP;

	if (strstr(spoken, "gy"))
		check(fd_disp_app_support(find(DICT_APPLICATION, APPLICATION_BY_ID, &gy), NULL, 1, 0), "Gy");
	if (strstr(spoken, "sy"))
		check(fd_disp_app_support(find(DICT_APPLICATION, APPLICATION_BY_ID, &sy),
					  find(DICT_VENDOR, VENDOR_BY_ID, &vendor), 1, 0),
		      "Sy");
	for (struct command *each = commands; each < commands + COMMANDS; each++) {
		struct disp_when when = {
			.app = find(DICT_APPLICATION, APPLICATION_BY_ID, &each->application),
			.command = find(DICT_COMMAND, CMD_BY_NAME, each->known_as),
		};

		if (each->is_from_server)
			check(fd_disp_register(on_request, DISP_HOW_CC, &when, each, NULL), each->name);
	}
}

/* The connection. */

static int is_received(struct msg *message)
{
	DiamId_t peer = NULL;
	size_t length;

	return !fd_msg_source_get(message, &peer, &length) && peer;
}

static void on_event(enum fd_hook_type type, struct msg *message, struct peer_hdr *peer,
		     void *other, struct fd_hook_permsgdata *data, void *registered)
{
	if (type == HOOK_PEER_CONNECT_SUCCESS)
		sem_post(&opened);
	else if (type == HOOK_PEER_CONNECT_FAILED)
		fatal("the connection was refused", other ? other : "");
	else if (type == HOOK_MESSAGE_ROUTING_ERROR && is_received(message))
		; /* It is for another host: freeDiameter refuses it itself. */
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
	struct fd_hook_hdl *hook;
	int is_relay;

	if (count != 3)
		fatal("write", "free_diameter CONFIGURATION gy|sy|gy,sy|relay < STEPS");
	is_relay = !strcmp(words[2], "relay");
	setlinebuf(stdout);
	sem_init(&opened, 0, 0);
	sem_init(&answered, 0, 0);
	fd_log_handler_register(log_errors);
	check(fd_core_initialize(), "initialize");
	check(fd_core_parseconf(words[1]), words[1]);
	if (!is_relay) {
		learn_avps(younger, sizeof younger / sizeof *younger);
		learn_avps(of_sy, sizeof of_sy / sizeof *of_sy);
		learn_commands_of_sy();
		support(words[2]);
	}
	check(fd_hook_register(HOOK_MASK(HOOK_PEER_CONNECT_SUCCESS, HOOK_PEER_CONNECT_FAILED,
					 HOOK_MESSAGE_PARSING_ERROR, HOOK_MESSAGE_PARSING_ERROR2,
					 HOOK_MESSAGE_ROUTING_ERROR),
			       on_event, NULL, NULL, &hook),
	      "a hook");
	check(fd_core_start(), "start");
	check(fd_core_waitstartcomplete(), "start");
	wait_for_route();
	if (is_relay)
		puts("{\"ready\":true}");
	run_steps(stdin);
	check(fd_core_shutdown(), "shutdown");
	return fd_core_wait_shutdown_complete();
}
