import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.common.util.concurrent.SettableFuture;
import com.google.firebase.rules.lang.CompileResult;
import com.google.firebase.rules.lang.FirebaseRulesProtoCompiler;
import com.google.firebase.rules.lang.common.FirebaseRulesLangOptions;
import com.google.firebase.rules.runtime.common.AsyncRuntimeFunction;
import com.google.firebase.rules.runtime.common.EvaluationException;
import com.google.firebase.rules.runtime.common.EvaluationResult;
import com.google.firebase.rules.runtime.evaluators.AuthRuleEvaluator.RuleContext;
import com.google.firebase.rules.runtime.impl.DefaultEvaluator;
import com.google.firebase.rules.runtime.v1.ExecutionRequest;
import com.google.firebase.rules.runtime.v1.ExecutionResponse;
import com.google.firebase.rules.runtime.v1.ExpressionListValue;
import com.google.firebase.rules.runtime.v1.ExpressionMapValue;
import com.google.firebase.rules.runtime.v1.ExpressionPathSegmentValue;
import com.google.firebase.rules.runtime.v1.ExpressionPathValue;
import com.google.firebase.rules.runtime.v1.ExpressionValue;
import com.google.firebase.rules.runtime.v1.RulesetAst;
import com.google.firebase.rules.v1.File;
import com.google.firebase.rules.v1.Issue;
import com.google.firebase.rules.v1.Source;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.protobuf.NullValue;
import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import com.google.type.LatLng;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;

/**
 * The rules engine inside the official Firestore emulator, speaking the protocol that firebase-tools expects of the
 * official Storage rules runtime. Nothing of the rules language is implemented here: the compiler and the evaluator
 * are the emulator's own.
 *
 * <p>JSON lines on stdin and stdout. `load_ruleset` compiles a ruleset under a name; `verify` evaluates one request. For
 * `firestore.get` and `firestore.exists` the host asks back for a document under the id of the verify and gets it in a
 * line without an action. Every answer says `"status":"ok"`, since firebase-tools leaves a request with any other
 * status hanging for ever; an entry in `errors` means that the request is denied, so whatever goes wrong here denies.
 */
public final class StorageRulesHost {
  private final FirebaseRulesProtoCompiler compiler =
      FirebaseRulesProtoCompiler.createStandalone(
          FirebaseRulesLangOptions.builder().allowTernaryOperator(true).allowCrossServiceRules(true).build());
  private final Map<String, RulesetAst> rulesets = new HashMap<>();
  private final Map<Long, Verification> verifications = new HashMap<>();
  private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  public static void main(String[] args) throws Exception {
    new StorageRulesHost().serve();
  }

  private void serve() throws Exception {
    JsonObject ready = answer(-1);
    send(ready);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        handle(JsonParser.parseString(line).getAsJsonObject());
      } catch (RuntimeException | StackOverflowError unreadable) {
        System.err.println("a line that is no request was passed over: " + unreadable);
      }
    }
    System.exit(0);
  }

  private void handle(JsonObject request) {
    long id = request.get("id").getAsLong();
    try {
      String action = request.has("action") ? request.get("action").getAsString() : "";
      switch (action) {
        case "load_ruleset" -> load(id, request.getAsJsonObject("context"));
        case "verify" -> verify(id, request.getAsJsonObject("context"));
        case "" -> verifications.get(id).documentArrived(request);
        default -> throw new IllegalArgumentException("unknown action " + action);
      }
    } catch (Exception | StackOverflowError failure) {
      deny(id, failure);
    }
  }

  private void load(long id, JsonObject context) {
    Source.Builder source = Source.newBuilder();
    for (JsonElement file : context.getAsJsonObject("source").getAsJsonArray("files")) {
      JsonObject fields = file.getAsJsonObject();
      source.addFiles(
          File.newBuilder().setName(fields.get("name").getAsString()).setContent(fields.get("content").getAsString()));
    }
    CompileResult compiled = compiler.compile(source);
    JsonObject answer = answer(id);
    for (Issue issue : compiled.getIssues()) {
      boolean error = issue.getSeverity() == Issue.Severity.ERROR;
      var at = issue.getSourcePosition();
      answer
          .getAsJsonArray(error ? "errors" : "warnings")
          .add(at.getFileName() + ":" + at.getLine() + ":" + at.getColumn() + " - " + issue.getDescription());
    }
    if (compiled.hasCompilationError() && answer.getAsJsonArray("errors").isEmpty()) {
      answer.getAsJsonArray("errors").add("the rules cannot be compiled");
    }
    if (answer.getAsJsonArray("errors").isEmpty()) {
      rulesets.put(context.get("rulesetName").getAsString(), compiled.getRulesetAst());
      JsonObject result = new JsonObject();
      result.addProperty("rulesVersion", compiled.getRulesetAst().getVersion().name().endsWith("2") ? 2 : 1);
      answer.add("result", result);
    }
    send(answer);
  }

  private void verify(long id, JsonObject context) throws Exception {
    RulesetAst ruleset = rulesets.get(context.get("rulesetName").getAsString());
    if (ruleset == null) throw new IllegalStateException("no ruleset of that name is loaded");
    Verification verification = new Verification(id);
    RuleContext.Builder rule =
        RuleContext.builder()
            .service(context.get("service").getAsString())
            .method(context.get("method").getAsString())
            .path(pathOf(context.get("path").getAsString()))
            .supplyFunction(verification.new Lookup("firestore.get"))
            .supplyFunction(verification.new Lookup("firestore.exists"));
    for (var variable : context.getAsJsonObject("variables").entrySet()) {
      ExpressionValue.Builder value = ExpressionValue.newBuilder();
      JsonFormat.parser().merge(nullsNamed(variable.getValue()).toString(), value);
      rule.supplyVariable(variable.getKey(), value.build());
    }
    verifications.put(id, verification);
    Futures.addCallback(
        new DefaultEvaluator(ruleset).evaluate(rule.build()), verification, MoreExecutors.directExecutor());
  }

  /** One request under evaluation, and the documents that it waits for. */
  private final class Verification implements FutureCallback<EvaluationResult> {
    private final long id;
    private final Map<String, SettableFuture<JsonObject>> documents = new HashMap<>();
    /** firebase-tools answers one look-up of a request at a time. */
    private final Queue<String> wanted = new ArrayDeque<>();

    Verification(long id) {
      this.id = id;
    }

    @Override
    public void onSuccess(EvaluationResult verdict) {
      verifications.remove(id);
      JsonObject answer = answer(id);
      JsonObject result = new JsonObject();
      result.addProperty("permit", verdict.permit());
      answer.add("result", result);
      send(answer);
    }

    @Override
    public void onFailure(Throwable failure) {
      verifications.remove(id);
      deny(id, failure);
    }

    ListenableFuture<JsonObject> document(String path) {
      SettableFuture<JsonObject> known = documents.get(path);
      if (known != null) return known;
      SettableFuture<JsonObject> document = SettableFuture.create();
      documents.put(path, document);
      wanted.add(path);
      if (wanted.size() == 1) ask(path);
      return document;
    }

    private void ask(String path) {
      JsonObject question = answer(id);
      question.remove("id");
      question.addProperty("server_request_id", id);
      question.addProperty("action", "fetch_firestore_document");
      JsonObject context = new JsonObject();
      context.addProperty("path", path);
      question.add("context", context);
      send(question);
    }

    void documentArrived(JsonObject response) {
      String path = wanted.remove();
      // The next question goes out first: completing the document may end the whole verification.
      if (!wanted.isEmpty()) ask(wanted.peek());
      boolean found = response.get("status").getAsString().equals("ok") && response.has("result");
      documents.get(path).set(found ? response.getAsJsonObject("result") : new JsonObject());
    }

    /** `firestore.get(path)` and `firestore.exists(path)`; a missing document is an error to the first of them. */
    final class Lookup implements AsyncRuntimeFunction {
      private final String name;

      Lookup(String name) {
        this.name = name;
      }

      @Override
      public String name() {
        return name;
      }

      @Override
      public ListenableFuture<ExecutionResponse> execute(ExecutionRequest request) {
        boolean wantsExistence = name.endsWith("exists");
        return Futures.transformAsync(
            document(pathText(request.getArguments(0).getPathValue())),
            document -> {
              boolean exists = document.has("name");
              if (!exists && !wantsExistence) {
                throw new EvaluationException(request.getSourcePosition(), "the document does not exist");
              }
              ExpressionValue value =
                  wantsExistence ? ExpressionValue.newBuilder().setBoolValue(exists).build() : resourceOf(document);
              return Futures.immediateFuture(ExecutionResponse.newBuilder().setValue(value).build());
            },
            MoreExecutors.directExecutor());
      }
    }
  }

  /** What rules see of a Firestore document: `data`, `id` and `__name__`. */
  private static ExpressionValue resourceOf(JsonObject document) {
    String name = document.get("name").getAsString();
    String path = "/" + name.substring(name.indexOf("/databases/") + 1);
    JsonObject fields = document.has("fields") ? document.getAsJsonObject("fields") : new JsonObject();
    return ExpressionValue.newBuilder()
        .setMapValue(
            ExpressionMapValue.newBuilder()
                .putFields("data", mapOf(fields))
                .putFields("id", stringOf(path.substring(path.lastIndexOf('/') + 1)))
                .putFields("__name__", ExpressionValue.newBuilder().setPathValue(pathOf(path)).build()))
        .build();
  }

  private static ExpressionValue mapOf(JsonObject fields) {
    ExpressionMapValue.Builder map = ExpressionMapValue.newBuilder();
    for (var field : fields.entrySet()) map.putFields(field.getKey(), valueOf(field.getValue().getAsJsonObject()));
    return ExpressionValue.newBuilder().setMapValue(map).build();
  }

  private static ExpressionValue stringOf(String text) {
    return ExpressionValue.newBuilder().setStringValue(text).build();
  }

  /** A value of Firestore's REST API, such as `{"stringValue": "x"}`. */
  private static ExpressionValue valueOf(JsonObject wrapped) {
    var entry = wrapped.entrySet().iterator().next();
    JsonElement value = entry.getValue();
    ExpressionValue.Builder result = ExpressionValue.newBuilder();
    switch (entry.getKey()) {
      case "nullValue" -> result.setNullValue(NullValue.NULL_VALUE);
      case "booleanValue" -> result.setBoolValue(value.getAsBoolean());
      case "integerValue" -> result.setIntValue(value.getAsLong());
      case "doubleValue" -> result.setFloatValue(value.getAsDouble());
      case "stringValue" -> result.setStringValue(value.getAsString());
      case "bytesValue" -> result.setBytesValue(ByteString.copyFrom(Base64.getDecoder().decode(value.getAsString())));
      case "referenceValue" -> {
        String name = value.getAsString();
        result.setPathValue(pathOf("/" + name.substring(name.indexOf("/databases/") + 1)));
      }
      case "timestampValue" -> {
        try {
          result.setTimestampValue(Timestamps.parse(value.getAsString()));
        } catch (java.text.ParseException malformed) {
          throw new IllegalArgumentException(malformed);
        }
      }
      case "geoPointValue" -> {
        JsonObject point = value.getAsJsonObject();
        result.setLatlngValue(
            LatLng.newBuilder()
                .setLatitude(point.has("latitude") ? point.get("latitude").getAsDouble() : 0)
                .setLongitude(point.has("longitude") ? point.get("longitude").getAsDouble() : 0));
      }
      case "arrayValue" -> {
        ExpressionListValue.Builder list = ExpressionListValue.newBuilder();
        JsonObject array = value.getAsJsonObject();
        if (array.has("values")) {
          for (JsonElement each : array.getAsJsonArray("values")) list.addValues(valueOf(each.getAsJsonObject()));
        }
        result.setListValue(list);
      }
      case "mapValue" -> {
        JsonObject map = value.getAsJsonObject();
        return mapOf(map.has("fields") ? map.getAsJsonObject("fields") : new JsonObject());
      }
      default -> throw new IllegalArgumentException("unknown kind of value " + entry.getKey());
    }
    return result.build();
  }

  private static ExpressionPathValue pathOf(String path) {
    ExpressionPathValue.Builder value = ExpressionPathValue.newBuilder();
    for (String segment : path.split("/")) {
      if (!segment.isEmpty()) value.addSegments(ExpressionPathSegmentValue.newBuilder().setSimple(segment));
    }
    return value.build();
  }

  private static String pathText(ExpressionPathValue path) {
    StringBuilder text = new StringBuilder();
    for (ExpressionPathSegmentValue segment : path.getSegmentsList()) text.append('/').append(segment.getSimple());
    return text.toString();
  }

  /** firebase-tools writes `{"null_value":null}`; protobuf's JSON wants the enum's name there. */
  private static JsonElement nullsNamed(JsonElement element) {
    if (element.isJsonArray()) {
      JsonArray copy = new JsonArray();
      for (JsonElement each : element.getAsJsonArray()) copy.add(nullsNamed(each));
      return copy;
    }
    if (!element.isJsonObject()) return element;
    JsonObject copy = new JsonObject();
    for (var field : element.getAsJsonObject().entrySet()) {
      boolean unnamed = field.getKey().equals("null_value") && field.getValue().isJsonNull();
      copy.add(field.getKey(), unnamed ? new JsonPrimitive("NULL_VALUE") : nullsNamed(field.getValue()));
    }
    return copy;
  }

  private static JsonObject answer(long id) {
    JsonObject answer = new JsonObject();
    answer.addProperty("id", id);
    answer.addProperty("status", "ok");
    answer.add("warnings", new JsonArray());
    answer.add("errors", new JsonArray());
    return answer;
  }

  private void deny(long id, Throwable reason) {
    verifications.remove(id);
    JsonObject answer = answer(id);
    JsonObject result = new JsonObject();
    result.addProperty("permit", false);
    answer.add("result", result);
    answer.getAsJsonArray("errors").add("denied: " + reason);
    send(answer);
  }

  private synchronized void send(JsonObject line) {
    out.print(line.toString() + "\n");
    out.flush();
  }
}
