import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import confab.v1.AvailableRange;
import confab.v1.ChatMessage;
import confab.v1.ChatServiceGrpc;
import confab.v1.ChatServiceGrpc.ChatServiceBlockingStub;
import confab.v1.GetHistoryRequest;
import confab.v1.Position;
import confab.v1.User;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Sends messages to a room and reads the room, by stock gRPC, through restarts of the server.
 *
 * <pre>
 * curl -O http://127.0.0.1:8080/confab.proto
 * mvn --quiet compile dependency:copy-dependencies -DoutputDirectory=lib
 * java -cp 'target/classes:lib/*' Chat 127.0.0.1:8080 lobby ada 10
 * </pre>
 *
 * It prints `OFFSET USER: TEXT` for each message, and ends when it has read each message that it sent.
 */
public final class Chat {
  /** Of unary calls: how long the server may be away before the caller is told. */
  private static final long DEADLINE_SECONDS = 60;

  /**
   * gRPC repeats these calls by itself. UNAVAILABLE is the only code for that: after other codes the same call fails again,
   * or has to wait for longer (RESOURCE_EXHAUSTED). StreamMessages is not among them, since it has to go on from elsewhere.
   */
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "methodConfig",
          List.of(
              Map.of(
                  "name",
                  Stream.of("SendMessage", "GetHistory")
                      .map(method -> Map.of("service", "confab.v1.ChatService", "method", method))
                      .toList(),
                  "retryPolicy",
                  Map.of(
                      "maxAttempts", 5.0,
                      "initialBackoff", "0.2s",
                      "maxBackoff", "5s",
                      "backoffMultiplier", 2.0,
                      "retryableStatusCodes", List.of("UNAVAILABLE")))));

  private final ChatServiceBlockingStub stub;
  private final String room;
  private final String user;

  private Chat(ManagedChannel channel, String room, String user) {
    // A call that finds the server away waits for it, instead of an error at once.
    this.stub = ChatServiceGrpc.newBlockingStub(channel).withWaitForReady();
    this.room = room;
    this.user = user;
  }

  public static void main(String[] args) throws InterruptedException {
    if (args.length != 4) {
      System.err.println("usage: Chat ADDRESS ROOM USER COUNT");
      System.exit(2);
    }
    ManagedChannel channel =
        Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create())
            .defaultServiceConfig(SERVICE_CONFIG)
            // A peer that is gone without a word is noticed after half a minute. The server allows pings at any interval.
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .build();
    int exitCode = 0;
    try {
      new Chat(channel, args[1], args[2]).run(Integer.parseInt(args[3]));
    } catch (StatusRuntimeException error) {
      System.err.println(error.getMessage() + availableRange(error));
      exitCode = 1;
    }
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    System.exit(exitCode);
  }

  private void run(int count) {
    List<String> ids = Stream.generate(() -> UUID.randomUUID().toString()).limit(count).toList();
    // The position first, then the messages: so none of them is missed.
    GetHistoryRequest newest = GetHistoryRequest.newBuilder().setRoom(room).setLimit(1).build();
    Position after = withDeadline().getHistory(newest).getNewest();
    // Both block, so each has a thread.
    Executor threads = Executors.newFixedThreadPool(2);
    CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> send(ids), threads);
    CompletableFuture<Void> reading = CompletableFuture.runAsync(() -> read(after, new HashSet<>(ids)), threads);
    // When a message cannot be sent, the reader would wait for it for ever.
    sending.whenComplete((done, error) -> {
      if (error != null) reading.completeExceptionally(error);
    });
    try {
      reading.join();
    } catch (CompletionException error) {
      throw error.getCause() instanceof StatusRuntimeException status ? status : error;
    }
  }

  private ChatServiceBlockingStub withDeadline() {
    return stub.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  private void send(List<String> ids) {
    int number = 0;
    for (String id : ids) {
      // A message with an id is stored once, however often the call is repeated.
      String text = "hello " + ++number;
      withDeadline().sendMessage(ChatMessage.newBuilder().setRoom(room).setUser(user).setId(id).setText(text).build());
      pause(50);
    }
  }

  /** Prints what follows a position, until all awaited ids have come. */
  private void read(Position after, Set<String> awaited) {
    while (!awaited.isEmpty()) {
      User reader = User.newBuilder().setName(user).setRoom(room).setAfter(after).build();
      try {
        // No deadline: the stream is open for as long as there is something to wait for.
        Iterator<ChatMessage> messages = stub.streamMessages(reader);
        while (!awaited.isEmpty() && messages.hasNext()) {
          ChatMessage message = messages.next();
          System.out.printf("%d %s: %s%n", message.getPosition().getOffset(), message.getUser(), message.getText());
          after = message.getPosition();
          awaited.remove(message.getId());
        }
      } catch (StatusRuntimeException error) {
        if (error.getStatus().getCode() != Status.Code.UNAVAILABLE) throw error;
        // At random, so that all clients of a server that went away do not come back in the same moment.
        pause(ThreadLocalRandom.current().nextLong(100, 1000));
      }
    }
  }

  /** What the log holds, from the details of OUT_OF_RANGE. */
  private static String availableRange(StatusRuntimeException error) {
    for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
      if (!detail.is(AvailableRange.class)) continue;
      try {
        AvailableRange held = detail.unpack(AvailableRange.class);
        return "; the log holds " + held.getOldest().getOffset() + " to " + held.getNewest().getOffset();
      } catch (InvalidProtocolBufferException malformed) {
        throw new IllegalStateException(malformed);
      }
    }
    return "";
  }

  private static void pause(long milliseconds) {
    try {
      TimeUnit.MILLISECONDS.sleep(milliseconds);
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }
}
