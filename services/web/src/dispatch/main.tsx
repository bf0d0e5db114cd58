import { start } from "../ui/start.tsx";
import { Desk } from "./desk.tsx";
import "../styles/base.css";
import "../styles/lists.css";
import "../styles/long_lists.css";
import "../styles/print.css";
import "./dispatch.css";
import "./draft.css";

void start("dispatch", () => <Desk />);
