/*
 * A stand-in for a vendor's build of ONNX Runtime: VitisAI in its list, the CPU behind it.
 *
 * It loads the real library (STAND_IN_RUNTIME), hands out a copy of its function table with a few
 * functions of its own, and writes a line of JSON to STAND_IN_LOG for whatever it is asked. "Compiling"
 * is to sleep STAND_IN_COMPILE_MS and to write the files that a provider would.
 *
 *   STAND_IN_FAIL   append, compile, load or run: that step fails
 *   STAND_IN_NPU    nodes that its report places on the NPU; no report where it is not set
 *   STAND_IN_NOISE  a number that each second value of a run is moved by
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Positions in OrtApi. */
enum {
  CREATE_STATUS = 0,
  CREATE_SESSION = 7,
  CREATE_SESSION_FROM_ARRAY = 8,
  RUN = 9,
  CREATE_SESSION_OPTIONS = 10,
  GET_TENSOR_MUTABLE_DATA = 51,
  GET_TENSOR_SHAPE_ELEMENT_COUNT = 64,
  GET_TENSOR_TYPE_AND_SHAPE = 65,
  RELEASE_TENSOR_TYPE_AND_SHAPE_INFO = 99,
  GET_AVAILABLE_PROVIDERS = 125,
  RELEASE_AVAILABLE_PROVIDERS = 126,
  ADD_SESSION_CONFIG_ENTRY = 130,
  APPEND_VITIS_AI = 276,
  TABLE_SIZE = 290,
};

enum { KNOWN = 64, TEXT = 4096 };
enum { ORT_FAIL = 1 };

typedef void *Status;
typedef const struct {
  void *const *(*get_api)(uint32_t version);
  const char *(*version)(void);
} Base;

/* What was asked of each session's options. */
typedef struct {
  const void *options;
  int is_vendor, makes_context;
  char context_path[TEXT], weights_folder[TEXT], cache_folder[TEXT];
} Asked;

static Asked asked[KNOWN];
static const void *vendor_sessions[KNOWN];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *const *real;
static void *table[TABLE_SIZE];

static Asked *of(const void *options) {
  pthread_mutex_lock(&lock);
  int at = 0;
  while (asked[at].options && asked[at].options != options && at < KNOWN - 1) at++;
  asked[at].options = options;
  pthread_mutex_unlock(&lock);
  return &asked[at];
}

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static Status fail(const char *what) {
  char message[TEXT];
  snprintf(message, sizeof message, "stand-in: %s fails", what);
  return ((Status(*)(int, const char *))real[CREATE_STATUS])(ORT_FAIL, message);
}

static int is_to_fail(const char *step) { return strcmp(setting("STAND_IN_FAIL"), step) == 0; }

static void log_line(const char *event, const char *details) {
  char line[4 * TEXT];
  int length = snprintf(line, sizeof line, "{\"pid\":%d,\"event\":\"%s\",\"details\":{%s}}\n",
                        (int)getpid(), event, details);
  int file = open(setting("STAND_IN_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (file < 0) return;
  if (write(file, line, length) != length) abort();
  close(file);
}

static void write_file(const char *path, const char *head, const void *bytes, size_t length) {
  FILE *file = fopen(path, "w");
  if (!file) return;
  fputs(head, file);
  fwrite(bytes, 1, length, file);
  fclose(file);
}

static Status get_available_providers(char ***out, int *count) {
  static char *names[] = {"VitisAIExecutionProvider", "CPUExecutionProvider"};
  *out = names;
  *count = 2;
  return NULL;
}

static Status release_available_providers(char **names, int count) {
  (void)names, (void)count;
  return NULL;
}

static Status append_vitis_ai(void *options, const char *const *keys, const char *const *values,
                              size_t count) {
  char details[2 * TEXT] = "";
  Asked *entry = of(options);
  memset(entry->cache_folder, 0, TEXT);
  for (size_t at = 0; at < count; at++) {
    size_t used = strlen(details);
    snprintf(details + used, sizeof details - used, "%s\"%s\":\"%s\"", at ? "," : "", keys[at],
             values[at]);
    if (strcmp(keys[at], "cache_dir") == 0) strncpy(entry->cache_folder, values[at], TEXT - 1);
  }
  log_line("append", details);
  if (is_to_fail("append")) return fail("append");
  entry->is_vendor = 1;
  return NULL;
}

/* New options may have the address of old ones. */
static Status create_session_options(void **out) {
  Status status = ((Status(*)(void **))real[CREATE_SESSION_OPTIONS])(out);
  if (status) return status;
  Asked *entry = of(*out);
  memset(entry, 0, sizeof *entry);
  entry->options = *out;
  return NULL;
}

static Status add_session_config_entry(void *options, const char *key, const char *value) {
  Asked *entry = of(options);
  if (strcmp(key, "session.model_external_initializers_file_folder_path") == 0) {
    strncpy(entry->weights_folder, value, TEXT - 1);
  }
  if (strcmp(key, "ep.context_file_path") == 0) strncpy(entry->context_path, value, TEXT - 1);
  if (strcmp(key, "ep.context_enable") == 0) entry->makes_context = value[0] == '1';
  if (strncmp(key, "ep.", 3) == 0) return NULL;
  return ((Status(*)(void *, const char *, const char *))real[ADD_SESSION_CONFIG_ENTRY])(
      options, key, value);
}

static Status load(const void *env, const void *bytes, size_t length, void *options, void **out) {
  Status status = ((Status(*)(const void *, const void *, size_t, void *, void **))
                       real[CREATE_SESSION_FROM_ARRAY])(env, bytes, length, options, out);
  if (status || !of(options)->is_vendor) return status;
  pthread_mutex_lock(&lock);
  int at = 0;
  while (vendor_sessions[at] && at < KNOWN - 1) at++;
  vendor_sessions[at] = *out;
  pthread_mutex_unlock(&lock);
  return NULL;
}

static void write_report(const Asked *entry) {
  const char *nodes = setting("STAND_IN_NPU");
  char path[2 * TEXT], report[TEXT];
  if (!*nodes) return;
  snprintf(path, sizeof path, "%s/provider", entry->cache_folder);
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/provider/%s", entry->cache_folder,
           setting("XLNX_ONNX_EP_REPORT_FILE"));
  snprintf(report, sizeof report,
           "{\"deviceStat\":[{\"name\":\"all\",\"nodeNum\":%d,\"supportedOpType\":[\"::Add\"]},"
           "{\"name\":\"CPU\",\"nodeNum\":13},{\"name\":\"VAIML\",\"nodeNum\":%s}],"
           "\"subgraphStat\":[{\"device\":\"VAIML\",\"count\":1}],\"nodeStat\":[]}",
           13 + atoi(nodes), nodes);
  write_file(path, report, "", 0);
}

static Status create_session_from_array(const void *env, const void *bytes, size_t length,
                                        void *options, void **out) {
  Asked *entry = of(options);
  if (entry->is_vendor && entry->makes_context) {
    log_line("compile", "");
    usleep(1000 * atoi(setting("STAND_IN_COMPILE_MS")));
    if (is_to_fail("compile")) return fail("compile");
    char head[TEXT + 2];
    snprintf(head, sizeof head, "%s\n", entry->weights_folder);
    write_file(entry->context_path, head, bytes, length);
    write_report(entry);
    log_line("compiled", "");
  }
  return load(env, bytes, length, options, out);
}

static Status create_session(const void *env, const char *path, void *options, void **out) {
  if (!of(options)->is_vendor) {
    return ((Status(*)(const void *, const char *, void *, void **))real[CREATE_SESSION])(
        env, path, options, out);
  }
  log_line("load", "");
  if (is_to_fail("load")) return fail("load");
  FILE *file = fopen(path, "r");
  if (!file) return fail("open");
  char folder[TEXT];
  if (!fgets(folder, sizeof folder, file)) abort();
  folder[strcspn(folder, "\n")] = 0;
  size_t capacity = 1 << 24;
  char *bytes = malloc(capacity);
  size_t length = fread(bytes, 1, capacity, file);
  fclose(file);
  ((Status(*)(void *, const char *, const char *))real[ADD_SESSION_CONFIG_ENTRY])(
      options, "session.model_external_initializers_file_folder_path", folder);
  Status status = load(env, bytes, length, options, out);
  free(bytes);
  return status;
}

static void add_noise(void *value, float noise) {
  float *data;
  void *info;
  size_t count;
  ((Status(*)(void *, float **))real[GET_TENSOR_MUTABLE_DATA])(value, &data);
  ((Status(*)(void *, void **))real[GET_TENSOR_TYPE_AND_SHAPE])(value, &info);
  ((Status(*)(void *, size_t *))real[GET_TENSOR_SHAPE_ELEMENT_COUNT])(info, &count);
  ((void (*)(void *))real[RELEASE_TENSOR_TYPE_AND_SHAPE_INFO])(info);
  for (size_t at = 0; at < count; at += 2) data[at] += noise;
}

static Status run(void *session, const void *run_options, const char *const *input_names,
                  const void *const *inputs, size_t input_count, const char *const *output_names,
                  size_t output_count, void **outputs) {
  int is_vendor = 0;
  for (int at = 0; at < KNOWN && vendor_sessions[at]; at++) {
    if (vendor_sessions[at] == session) is_vendor = 1;
  }
  if (is_vendor && is_to_fail("run")) return fail("run");
  Status status = ((Status(*)(void *, const void *, const char *const *, const void *const *, size_t,
                             const char *const *, size_t, void **))real[RUN])(
      session, run_options, input_names, inputs, input_count, output_names, output_count, outputs);
  float noise = atof(setting("STAND_IN_NOISE"));
  if (!status && is_vendor && noise != 0) add_noise(outputs[0], noise);
  return status;
}

static Base *real_base;

static void *const *get_api(uint32_t version) {
  real = real_base->get_api(version);
  if (!real) return NULL;
  memcpy(table, real, sizeof table);
  table[CREATE_SESSION] = create_session;
  table[CREATE_SESSION_FROM_ARRAY] = create_session_from_array;
  table[RUN] = run;
  table[CREATE_SESSION_OPTIONS] = create_session_options;
  table[GET_AVAILABLE_PROVIDERS] = get_available_providers;
  table[RELEASE_AVAILABLE_PROVIDERS] = release_available_providers;
  table[ADD_SESSION_CONFIG_ENTRY] = add_session_config_entry;
  table[APPEND_VITIS_AI] = append_vitis_ai;
  return table;
}

static const char *get_version(void) { return real_base->version(); }

Base *OrtGetApiBase(void) {
  static struct {
    void *const *(*get_api)(uint32_t version);
    const char *(*version)(void);
  } base = {get_api, get_version};
  void *library = dlopen(setting("STAND_IN_RUNTIME"), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "stand-in: %s\n", dlerror());
    abort();
  }
  real_base = ((Base * (*)(void)) dlsym(library, "OrtGetApiBase"))();
  return (Base *)&base;
}
