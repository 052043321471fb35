import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/**
 * Reads a JSON message with JsonFormat and writes it in Protobuf, as base64. The types of the descriptor set are all that it knows.
 *
 *     java -cp 'lib/*' ReadJson.java DESCRIPTOR_SET TYPE < message.json
 */
public final class ReadJson {
  public static void main(String[] args) throws Exception {
    Map<String, FileDescriptor> files = new HashMap<>();
    try (FileInputStream input = new FileInputStream(args[0])) {
      // A descriptor set has each file after the files that it imports.
      for (FileDescriptorProto file : FileDescriptorSet.parseFrom(input).getFileList()) {
        FileDescriptor[] imports =
            file.getDependencyList().stream().map(files::get).toArray(FileDescriptor[]::new);
        files.put(file.getName(), FileDescriptor.buildFrom(file, imports));
      }
    }
    TypeRegistry.Builder types = TypeRegistry.newBuilder();
    Descriptor wanted = null;
    for (FileDescriptor file : files.values()) {
      for (Descriptor type : file.getMessageTypes()) {
        types.add(type);
        if (type.getFullName().equals(args[1])) wanted = type;
      }
    }
    DynamicMessage.Builder message = DynamicMessage.newBuilder(wanted);
    String text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    JsonFormat.parser().usingTypeRegistry(types.build()).merge(text, message);
    System.out.println(Base64.getEncoder().encodeToString(message.build().toByteArray()));
  }
}
