import com.google.gson.Gson;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Makes calls with stock grpc-java and its default limits. Messages are bytes: the test makes and reads them.
 *
 *     java -cp 'lib/*' StockClient.java ADDRESS
 *
 * It reads one call as JSON from each line of standard input, and writes its outcome as one line of JSON, both as go-client does.
 */
public final class StockClient {
  /** Long enough for any machine. No call is expected to take it. */
  private static final long TIMEOUT_MINUTES = 2;

  /** One call. Messages is how many messages to read of a stream that does not end; 0 reads to the end. */
  private record Call(String Method, String Request, int Messages) {}

  /** The status and the messages of a call, in base64. */
  private record Outcome(String Code, String Message, List<String> Messages) {}

  /** Leaves messages as they are. */
  private static final MethodDescriptor.Marshaller<byte[]> RAW =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] message) {
          return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        }
      };

  public static void main(String[] args) throws Exception {
    ManagedChannel channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    Gson gson = new Gson();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(gson.toJson(run(channel, gson.fromJson(line, Call.class))));
    }
    channel.shutdownNow();
    channel.awaitTermination(TIMEOUT_MINUTES, TimeUnit.MINUTES);
  }

  private static Outcome run(ManagedChannel channel, Call call) {
    MethodDescriptor<byte[], byte[]> method =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
            .setFullMethodName(call.Method().substring(1))
            .setRequestMarshaller(RAW)
            .setResponseMarshaller(RAW)
            .build();
    List<String> messages = new ArrayList<>();
    try {
      CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(TIMEOUT_MINUTES, TimeUnit.MINUTES);
      Iterator<byte[]> replies =
          ClientCalls.blockingServerStreamingCall(
              channel, method, options, Base64.getDecoder().decode(call.Request()));
      while ((call.Messages() == 0 || messages.size() < call.Messages()) && replies.hasNext()) {
        messages.add(Base64.getEncoder().encodeToString(replies.next()));
      }
      return new Outcome("OK", "", messages);
    } catch (StatusRuntimeException error) {
      return new Outcome(error.getStatus().getCode().name(), String.valueOf(error.getStatus().getDescription()), messages);
    }
  }
}
